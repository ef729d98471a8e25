import EdgeFormat
import EdgeRuntime
import Testing

@Suite struct EmbedTests {
    private static let columns = 37

    /// Every combination of element type and storage.
    private static let tables: [(StoredType, TestContainer.Storing, Int?)] = [
        (.f32, .raw, nil), (.f32, .zstd, 3), (.f16, .raw, 4), (.f16, .zstd, nil),
        (.bf16, .raw, nil), (.bf16, .zstd, 5), (.i8, .raw, 2), (.i8, .zstd, 3), (.i8, .zstd, nil),
    ]

    private func table(
        _ rows: Int, _ type: StoredType, _ storing: TestContainer.Storing, _ rowsPerChunk: Int?,
        in container: inout TestContainer, _ random: inout RandomNumbers
    ) -> Int {
        if type == .i8 {
            return container.addCodes(
                rows, Self.columns, &random, rowsPerChunk: rowsPerChunk, storing: storing)
        }
        // Few different numbers, so that a frame is smaller than what it holds.
        let numbers = (0..<rows * Self.columns).map { _ in Float(random.below(9) - 4) * 0.37 }
        return container.add(
            numbers, [rows, Self.columns], as: type, rowsPerChunk: rowsPerChunk, storing: storing)
    }

    @Test(arguments: tables.indices)
    func rowsAreThoseOfTheTable(index: Int) throws {
        var random = RandomNumbers(seed: UInt64(index))
        var container = TestContainer()
        let (type, storing, rowsPerChunk) = Self.tables[index]
        let table = table(11, type, storing, rowsPerChunk, in: &container, &random)
        container.program.vocabularySize = 11
        let output = container.value(Self.columns)
        container.program.instructions.append(
            .embed(
                output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        try container.expectReference(
            of: output, tolerance: 0, tokenIDs: [10, 0, 3, 3, 9, 1, 2, 4, 5, 6, 7, 8, 0])
    }

    @Test func severalTablesAreAddedInTheirOrder() throws {
        var random = RandomNumbers(seed: 41)
        var container = TestContainer()
        container.program.vocabularySize = 11
        container.program.typeCount = 3
        container.program.maximumTokens = 9
        let terms: [EmbedTerm] = [
            EmbedTerm(
                table: table(13, .i8, .zstd, 3, in: &container, &random), index: .tokenIDs,
                offset: 2),
            EmbedTerm(
                table: table(10, .f16, .raw, nil, in: &container, &random), index: .positions,
                offset: 1),
            EmbedTerm(
                table: table(3, .bf16, .raw, 1, in: &container, &random), index: .typeIDs,
                offset: 0),
            EmbedTerm(
                table: table(12, .f32, .zstd, 5, in: &container, &random), index: .tokenIDs,
                offset: 1),
        ]
        let output = container.value(Self.columns)
        container.program.instructions.append(.embed(output: output, terms: terms))
        let ids: [Int32] = [0, 10, 5, 5, 1, 9, 2, 3, 4]
        try container.expectReference(
            of: output, tolerance: 0, tokenIDs: ids, typeIDs: [0, 1, 2, 2, 1, 0, 1, 1, 2])
        try container.expectReference(of: output, tolerance: 0, tokenIDs: ids)
        try container.expectReference(of: output, tolerance: 0, tokenIDs: [7])
    }

    @Test(arguments: [1, 8, 31, 32, 33, 100])
    func tablesOfKeptTokensHaveRowsForThese(vocabularySize: Int) throws {
        var random = RandomNumbers(seed: UInt64(vocabularySize))
        for storing in [TestContainer.Storing.raw, .zstd] {
            var container = TestContainer()
            container.program.vocabularySize = vocabularySize
            let unknown = random.below(vocabularySize)
            let kept = (0..<vocabularySize).filter { $0 == unknown || random.below(3) == 0 }
            let term = EmbedTerm(
                table: table(kept.count, .i8, .zstd, 3, in: &container, &random),
                index: .keptTokens, offset: try #require(kept.firstIndex(of: unknown)),
                keptTokens: container.add(keptTokens: kept, storing: storing))
            // The same tokens with a row each, and with rows for some behind.
            let whole = EmbedTerm(
                table: table(vocabularySize, .f16, .raw, nil, in: &container, &random),
                index: .tokenIDs, offset: 0)
            let ids = (0..<vocabularySize).map { Int32($0) }
            for terms in [[term], [whole, term], [term, whole, term]] {
                var container = container
                let output = container.value(Self.columns)
                container.program.instructions.append(.embed(output: output, terms: terms))
                try container.expectReference(of: output, tolerance: 0, tokenIDs: ids)
            }
        }
    }

    @Test func keptTokensAreThoseOfTheTable() throws {
        func model(_ kept: [Int], rows: Int) -> TestContainer {
            var random = RandomNumbers(seed: 8)
            var container = TestContainer()
            container.program.vocabularySize = 10
            let table = container.addCodes(rows, 16, &random)
            let output = container.value(16)
            container.program.instructions.append(
                .embed(
                    output: output,
                    terms: [
                        EmbedTerm(
                            table: table, index: .keptTokens, offset: 0,
                            keptTokens: container.add(keptTokens: kept))
                    ]))
            container.setOutput(.hiddenState, output)
            return container
        }
        #expect(throws: Never.self) { try model([0, 3, 9], rows: 3).session() }
        for (kept, rows) in [([0, 3, 9], 4), ([0, 3, 9], 2), ([], 1)] {
            #expect {
                try model(kept, rows: rows).session()
            } throws: { error in
                guard
                    case RuntimeError.format(
                        .tensor(_, "number of kept tokens", UInt64(rows), UInt64(kept.count))) =
                        error
                else { return false }
                return true
            }
        }
        for token in 10..<16 {
            #expect {
                try model([0, token], rows: 2).session()
            } throws: { error in
                guard
                    case RuntimeError.format(
                        .tensor(_, "bits behind the last token", 0, 1)) = error
                else { return false }
                return true
            }
        }
    }

    @Test func aTableMayHaveNoColumns() throws {
        var container = TestContainer()
        let output = container.input([], columns: 0, count: 3)
        container.setOutput(.hiddenState, output)
        let result = try container.runEverywhere()
        #expect(result == Output(rowCount: 3, columnCount: 0, values: []))
    }

    // MARK: - The cache of decoded chunks

    /// A table of int8 rows whose decoded chunks do not all fit the cache, which keeps 2 MiB.
    private func largeTable() -> (container: TestContainer, output: Int, rows: Int) {
        var random = RandomNumbers(seed: 77)
        let (rows, columns) = (3_000, 2_048)
        var codes: [Int8] = []
        codes.reserveCapacity(rows * columns)
        for row in 0..<rows {
            // Repetitive enough for zstd, and different in every row.
            for column in 0..<columns {
                codes.append(Int8((row * 7 + column / 64 * (row % 13 + 1)) % 255 - 127))
            }
        }
        var container = TestContainer()
        let scales = (0..<rows).map { _ in abs(random.float()) }
        let table = container.add(
            codes: codes, scales: scales, [rows, columns], rowsPerChunk: 16)
        container.program.vocabularySize = rows
        let output = container.value(columns)
        container.program.instructions.append(
            .embed(
                output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        container.setOutput(.hiddenState, output)
        return (container, output, rows)
    }

    @Test func aTableLargerThanItsCacheGivesTheSameRows() throws {
        let (container, _, rows) = largeTable()
        let records = container.tensors[0]
        let chunks = container.chunks[records.firstChunk..<records.firstChunk + records.chunkCount]
        #expect(chunks.allSatisfy { $0.encoding == .zstd })
        #expect(records.rawByteCount > 2 << 21)
        let session = try container.session()
        let seed: UInt64 = 5
        var random = RandomNumbers(seed: seed)
        for round in 0..<40 {
            let ids = (0..<random.below(120) + 1).map { _ in
                // Rounds that jump, and rounds that walk.
                Int32(round % 2 == 0 ? random.below(rows) : (round * 60 + random.below(70)) % rows)
            }
            let found = try session.run(tokenIDs: ids, typeIDs: [], outputs: [.hiddenState])[0]
            for (position, id) in ids.enumerated() {
                let start = position * records.columnCount
                let row = Int(id) * records.columnCount
                #expect(
                    found.values[start..<start + records.columnCount]
                        == container.numbers[0][row..<row + records.columnCount],
                    "row \(id) in round \(round), seed \(seed)")
            }
        }
    }

    @Test func everyRowInTurnIsRead() throws {
        let (container, _, rows) = largeTable()
        let session = try container.session()
        let columns = container.tensors[0].columnCount
        for pass in 0..<2 {
            for first in stride(from: 0, to: rows, by: 200) {
                let ids = (first..<min(rows, first + 200)).map { Int32($0) }
                let found = try session.run(
                    tokenIDs: pass == 0 ? ids : ids.reversed(), typeIDs: [],
                    outputs: [.hiddenState])[0]
                let expected = container.numbers[0][first * columns..<(first + ids.count) * columns]
                if pass == 0 {
                    #expect(found.values[...] == expected)
                } else {
                    #expect(found.values.prefix(columns) == expected.suffix(columns))
                    #expect(found.values.suffix(columns) == expected.prefix(columns))
                }
            }
        }
    }

    @Test func aDamagedChunkIsFoundWhenItIsUsed() throws {
        for storing in [TestContainer.Storing.raw, .zstd] {
            var random = RandomNumbers(seed: 3)
            var container = TestContainer()
            let table = container.addCodes(12, 64, &random, rowsPerChunk: 4)
            let raw = container.add(
                random.floats(12 * 8), [12, 8], rowsPerChunk: 4, storing: storing)
            container.program.vocabularySize = 12
            let columns = storing == .raw ? 8 : 64
            let output = container.value(columns)
            let used = storing == .raw ? raw : table
            container.program.instructions.append(
                .embed(
                    output: output, terms: [EmbedTerm(table: used, index: .tokenIDs, offset: 0)]))
            container.setOutput(.hiddenState, output)
            var bytes = container.bytes()
            let index = container.tensors[used].firstChunk + 1
            let chunk = container.chunks[index]
            bytes[chunk.offset + chunk.storedSize - 1] ^= 0x10
            let session = try Session(
                TestContainer.open(bytes), options: SessionOptions())
            for _ in 0..<3 {
                #expect(throws: Never.self) {
                    try session.run(
                        tokenIDs: [0, 3, 8, 11], typeIDs: [], outputs: [.hiddenState])
                }
                #expect {
                    try session.run(
                        tokenIDs: [0, 8, 5], typeIDs: [], outputs: [.hiddenState])
                } throws: { error in
                    guard case RuntimeError.format(.chunkDamaged(index, chunk.checksum, _)) = error
                    else { return false }
                    return true
                }
            }
        }
    }
}
