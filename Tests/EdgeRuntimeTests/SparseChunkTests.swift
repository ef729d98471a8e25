import EdgeFormat
import EdgeRuntime
import Testing

@testable import Packaging

/// Chunks that store only the codes that are not zero.
@Suite struct SparseChunkTests {
    private static let rows = 70
    private static let columns = 24

    /// Codes of which about `share` of 100 are zero.
    private func codes(_ count: Int, zeros share: Int, _ random: inout RandomNumbers) -> [Int8] {
        (0..<count).map { _ in
            guard random.below(100) >= share else { return 0 }
            let code = random.below(254) - 127
            return Int8(code >= 0 ? code + 1 : code)
        }
    }

    /// A product with a matrix of codes whose only chunk is stored in a given way.
    private func container(_ codes: [Int8], _ storing: TestContainer.Storing) -> TestContainer {
        var container = TestContainer()
        let input = container.input(
            (0..<4 * Self.columns).map { Float($0 * 7 % 13) - 6 }, columns: Self.columns)
        let weight = container.add(
            codes: codes, scales: (0..<Self.rows).map { 0.01 * Float($0 + 1) },
            [Self.rows, Self.columns], storing: storing)
        container.setOutput(
            .hiddenState, container.linear(container.quantize(input), weight: weight))
        return container
    }

    // MARK: - Results

    @Test(arguments: [0, 30, 50, 80, 95, 100])
    func productsAreThoseOfTheSameCodesStoredRaw(zeros: Int) throws {
        var random = RandomNumbers(seed: UInt64(zeros))
        let codes = codes(Self.rows * Self.columns, zeros: zeros, &random)
        let sparse = container(codes, .sparse)
        let chunk = sparse.chunks[sparse.tensors[1].firstChunk]
        #expect(chunk.encoding == (zeros == 0 ? .raw : .sparse))
        let expected = try container(codes, .raw).runEverywhere()
        #expect(try sparse.runEverywhere() == expected)
    }

    /// Parts may be frames or not, whatever is smaller.
    @Test func partsAreRawOrFrames() throws {
        var random = RandomNumbers(seed: 12)
        let codes = codes(Self.rows * Self.columns, zeros: 94, &random)
        let bytes = codes.map { UInt8(bitPattern: $0) }
        let mask = (0..<(bytes.count + 7) / 8).map { position in
            (0..<8).reduce(0 as UInt8) { bits, bit in
                let index = 8 * position + bit
                return index < bytes.count && bytes[index] != 0 ? bits | 1 << UInt8(bit) : bits
            }
        }
        let values = bytes.filter { $0 != 0 }
        let expected = try container(codes, .raw).runEverywhere()
        let frameOfMask = TestContainer.zstdFrame(mask)
        let frameOfValues = TestContainer.zstdFrame(values)
        try #require(frameOfMask.count < mask.count)
        for mask in [mask, frameOfMask] {
            // A frame of as many bytes as it holds would be taken for these.
            for values in [values, frameOfValues] where values.count != frameOfValues.count {
                let chunk = TestContainer.sparseChunk(mask: mask, values: values)
                #expect(try container(codes, .sparseAs(chunk)).runEverywhere() == expected)
            }
        }
    }

    /// A model with tables, products and attention whose codes are mostly zero.
    private func model(_ storing: TestContainer.Storing) -> TestContainer {
        var random = RandomNumbers(seed: 33)
        var container = TestContainer()
        let (size, vocabulary) = (48, 300)
        func matrix(_ rows: Int, _ columns: Int, rowsPerChunk: Int? = nil) -> Int {
            let codes = codes(rows * columns, zeros: 80, &random)
            let scales = (0..<rows).map { _ in abs(random.float(0.02)) + 1e-3 }
            return container.add(
                codes: codes, scales: scales, [rows, columns], rowsPerChunk: rowsPerChunk,
                storing: storing)
        }
        container.program.vocabularySize = vocabulary
        var x = container.value(size)
        let table = matrix(vocabulary, size, rowsPerChunk: 32)
        container.program.instructions.append(
            .embed(
                output: x, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        for _ in 0..<2 {
            let codes = container.quantize(x)
            let attended = container.attention(
                container.linear(codes, weight: matrix(size, size)),
                container.linear(codes, weight: matrix(size, size)),
                container.linear(codes, weight: matrix(size, size)),
                AttentionShape(
                    headCount: 4, keyValueHeadCount: 4, headSize: 12, valueSize: 12, scale: 0.3,
                    isCausal: false, arithmetic: .int8))
            let wide = container.linear(
                container.quantize(attended), weight: matrix(130, size, rowsPerChunk: 64),
                activation: .gelu)
            let narrow = container.linear(container.quantize(wide), weight: matrix(size, 130))
            let gamma = container.add([Float](repeating: 1, count: size), [size])
            let input = x
            x = container.sameShape(x) {
                .layerNorm(
                    input: narrow, residual: input, output: $0, gamma: gamma, beta: nil,
                    epsilon: 1e-6)
            }
        }
        container.setOutput(.hiddenState, x)
        return container
    }

    @Test func aModelGivesTheSameBitsHoweverItIsStored() throws {
        let ids: [Int32] = [0, 299, 31, 32, 33, 5, 5, 150, 64, 2, 280]
        let sparse = model(.sparse)
        let codes = sparse.tensors.filter { $0.scheme == .int8Rows }
        #expect(codes.count == 11)
        for tensor in codes {
            let chunks = sparse.chunks[tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount]
            #expect(chunks.allSatisfy { $0.encoding == .sparse })
        }
        let expected = try model(.raw).runEverywhere(tokenIDs: ids)
        #expect(try sparse.runEverywhere(tokenIDs: ids) == expected)
        #expect(try model(.zstd).runEverywhere(tokenIDs: ids) == expected)
        #expect(sparse.bytes().count < model(.zstd).bytes().count)
        #expect(expected.values.contains { $0 != 0 })
    }

    @Test func theMaskOfATableCountsAsMemory() throws {
        func cache(_ storing: TestContainer.Storing) throws -> Int {
            MemoryNeed(
                try model(storing).open().directory, tokenCount: 1, threadCount: 1,
                instructionSet: .fastest
            ).tableCache
        }
        // The largest chunk has 130 · 48 codes.
        #expect(try cache(.sparse) == cache(.zstd) + 130 * 48 / 8)
    }

    // MARK: - What the writer makes of codes

    /// What a session reads of a table that holds the codes as the writer stores them.
    private func stored(
        _ codes: [Int8], rows: Int, columns: Int
    ) throws -> (encoding: ChunkEncoding, byteCount: Int, numbers: [Float]) {
        let bytes = codes.map { UInt8(bitPattern: $0) }
        let (encoding, stored) = try ChunkCompressor().store(bytes, holdsCodes: true)
        #expect(stored.count <= bytes.count)
        var container = TestContainer()
        container.program.vocabularySize = rows
        let storing: TestContainer.Storing =
            switch encoding {
            case .raw: .raw
            case .zstd: .zstd
            case .sparse: .sparseAs(stored)
            }
        let table = container.add(
            codes: codes, scales: [Float](repeating: 1, count: rows), [rows, columns],
            storing: storing)
        let output = container.value(columns)
        container.program.instructions.append(
            .embed(
                output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        container.setOutput(.hiddenState, output)
        let session = try container.session()
        var numbers: [Float] = []
        for first in stride(from: 0, to: rows, by: 100) {
            numbers += try session.run(
                tokenIDs: (first..<min(rows, first + 100)).map { Int32($0) }, typeIDs: [],
                outputs: [.hiddenState])[0].values
        }
        return (encoding, stored.count, numbers)
    }

    @Test(arguments: [0, 3, 10, 40, 60, 75, 90, 97, 100])
    func codesOfEveryDensityComeBack(zeros: Int) throws {
        var random = RandomNumbers(seed: UInt64(500 + zeros))
        let shapes = [(1, 1), (1, 7), (1, 8), (1, 9), (3, 5), (1, 4000), (4000, 1), (333, 77)]
        for (rows, columns) in shapes {
            let codes = codes(rows * columns, zeros: zeros, &random)
            let found = try stored(codes, rows: rows, columns: columns)
            #expect(found.numbers == codes.map { Float($0) }, "\(rows)×\(columns)")
            guard rows * columns > 10_000 else { continue }
            // Codes without order: a mask pays as soon as a Huffman code spends a bit on zeros.
            if zeros < 10 { #expect(found.encoding != .sparse) }
            if (60...97).contains(zeros) { #expect(found.encoding == .sparse) }
            let p = Double(codes.count { $0 == 0 }) / Double(codes.count)
            guard p > 0, p < 1 else { continue }
            let entropy = -p * log2(p) - (1 - p) * log2((1 - p) / 254)
            #expect(Double(8 * found.byteCount) / Double(codes.count) < 1.05 * entropy + 0.1)
        }
    }

    @Test func aSingleCodeAmongZerosComesBack() throws {
        for place in [0, 1, 7, 8, 63, 64, 511, 998, 999] {
            var codes = [Int8](repeating: 0, count: 1000)
            codes[place] = -127
            let found = try stored(codes, rows: 10, columns: 100)
            #expect(found.numbers == codes.map { Float($0) })
            #expect(found.byteCount < 40)
        }
    }

    // MARK: - Hostile chunks

    /// The error that a session over a matrix with these bytes as its chunk ends with, and the
    /// index of the chunk.
    private func refusal(_ stored: [UInt8]) throws -> (error: FormatError?, index: Int) {
        let codes = [Int8](repeating: 0, count: Self.rows * Self.columns)
        let container = container(codes, .sparseAs(stored))
        let index = container.tensors[1].firstChunk
        do {
            _ = try container.session()
            return (nil, index)
        } catch .format(let error) {
            return (error, index)
        }
    }

    private static let maskBytes = rows * columns / 8

    /// A mask with the first `count` bits set.
    private func mask(_ count: Int) -> [UInt8] {
        (0..<Self.maskBytes).map { position in
            UInt8(truncatingIfNeeded: (1 << max(0, min(8, count - 8 * position))) - 1)
        }
    }

    private func expectSparse(
        _ stored: [UInt8], _ field: StaticText, expected: Int, found: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (error, index) = try refusal(stored)
        #expect(
            error
                == .sparseChunk(
                    index: index, field: field, expected: UInt64(expected), found: UInt64(found)),
            sourceLocation: sourceLocation)
    }

    private func expectNotDecodable(
        _ stored: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (error, index) = try refusal(stored)
        #expect(error == .chunkNotDecodable(index: index), sourceLocation: sourceLocation)
    }

    @Test func theSampleLoads() throws {
        let values = [UInt8](repeating: 3, count: 20)
        for mask in [mask(20), TestContainer.zstdFrame(mask(20))] {
            let chunk = TestContainer.sparseChunk(mask: mask, values: values)
            #expect(try refusal(chunk).error == nil)
        }
        #expect(
            try refusal(TestContainer.sparseChunk(mask: mask(0), values: [])).error == nil)
    }

    @Test func aChunkWithoutAMaskIsRefused() throws {
        for count in 1...4 {
            try expectSparse(
                [UInt8](repeating: 0, count: count), "stored size", expected: 5, found: count)
        }
    }

    @Test func theMaskMustHaveARoomAndStayInTheChunk() throws {
        let limit = Self.maskBytes
        let name: StaticText = "stored size of the mask"
        func chunk(maskSize: UInt32, rest: Int) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: maskSize >> (8 * $0)) }
                + [UInt8](repeating: 1, count: rest)
        }
        try expectSparse(chunk(maskSize: 0, rest: 30), name, expected: 30, found: 0)
        try expectSparse(chunk(maskSize: 31, rest: 30), name, expected: 30, found: 31)
        try expectSparse(
            chunk(maskSize: .max, rest: 30), name, expected: 30, found: Int(UInt32.max))
        try expectSparse(
            chunk(maskSize: UInt32(limit + 1), rest: limit + 9), name, expected: limit,
            found: limit + 1)
    }

    @Test func aMaskThatDoesNotDecodeIsRefused() throws {
        let values = [UInt8](repeating: 3, count: 20)
        let frame = TestContainer.zstdFrame(mask(20))
        let wrong = [
            Array(frame.dropLast()), frame + [0], Array(mask(20).dropLast()),
            TestContainer.zstdFrame(Array(mask(20).dropLast())),
            TestContainer.zstdFrame(mask(20) + [0]), [0],
        ]
        for mask in wrong {
            try expectNotDecodable(TestContainer.sparseChunk(mask: mask, values: values))
        }
    }

    @Test func valuesMustBeAsManyAsBits() throws {
        let name: StaticText = "stored size of the values"
        let values = [UInt8](repeating: 3, count: 21)
        try expectSparse(
            TestContainer.sparseChunk(mask: mask(20), values: values), name, expected: 20,
            found: 21)
        try expectSparse(
            TestContainer.sparseChunk(mask: mask(0), values: [1]), name, expected: 0, found: 1)
        // Fewer bytes than bits are a frame.
        try expectNotDecodable(
            TestContainer.sparseChunk(mask: mask(20), values: Array(values[..<19])))
        try expectNotDecodable(TestContainer.sparseChunk(mask: mask(20), values: []))
        for count in [99, 101] {
            let frame = TestContainer.zstdFrame([UInt8](repeating: 3, count: count))
            try expectNotDecodable(TestContainer.sparseChunk(mask: mask(100), values: frame))
        }
        let frame = TestContainer.zstdFrame([UInt8](repeating: 3, count: 100))
        for wrong in [Array(frame.dropLast()), frame + [0]] {
            try expectNotDecodable(TestContainer.sparseChunk(mask: mask(100), values: wrong))
        }
        #expect(
            try refusal(TestContainer.sparseChunk(mask: mask(100), values: frame)).error == nil)
    }

    @Test func zerosAreNotListed() throws {
        for place in [0, 7, 19] {
            var values = [UInt8](repeating: 3, count: 20)
            values[place] = 0
            let chunk = TestContainer.sparseChunk(mask: mask(20), values: values)
            let (error, index) = try refusal(chunk)
            #expect(error == .zeroInSparseChunk(index: index))
        }
    }

    @Test func aCodeOfMinus128IsRefusedByItsRow() throws {
        var values = [UInt8](repeating: 3, count: 60)
        values[50] = 0x80
        let (error, _) = try refusal(TestContainer.sparseChunk(mask: mask(60), values: values))
        guard case .forbiddenCode(_, row: 50 / Self.columns) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// Bits behind the last code need codes that do not fill their last byte.
    @Test func bitsBehindTheLastCodeAreRefused() throws {
        for (count, mask, behind) in [(9, [1, 2] as [UInt8], 1), (13, [0, 0x80], 4)] {
            var container = TestContainer()
            container.program.vocabularySize = 1
            let chunk = TestContainer.sparseChunk(mask: mask, values: [])
            let table = container.add(
                codes: [Int8](repeating: 0, count: count), scales: [1], [1, count],
                storing: .sparseAs(chunk))
            let output = container.value(count)
            container.program.instructions.append(
                .embed(
                    output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
            container.setOutput(.hiddenState, output)
            let session = try container.session()
            #expect(
                throws: RuntimeError.format(
                    .sparseChunk(
                        index: container.tensors[table].firstChunk, field: "padding of the mask",
                        expected: 0, found: UInt64(behind)))
            ) {
                try session.run(tokenIDs: [0], typeIDs: [], outputs: [.hiddenState])
            }
        }
    }

    /// Whatever the bytes are, a reader survives them.
    @Test func randomBytesAreSurvived() throws {
        var random = RandomNumbers(seed: 91)
        var codes = codes(Self.rows * Self.columns, zeros: 80, &random)
        codes[0] = 1
        let original = TestContainer.sparseChunk(codes.map { UInt8(bitPattern: $0) })
        var accepted = 0
        for _ in 0..<600 {
            var chunk = original
            for _ in 0..<1 + random.below(3) {
                switch random.below(3) {
                case 0: chunk[random.below(chunk.count)] = UInt8(random.below(256))
                case 1: chunk[random.below(6)] &+= UInt8(random.below(3))
                default: chunk.removeLast(min(random.below(4), chunk.count - 5))
                }
            }
            if try refusal(chunk).error == nil { accepted += 1 }
        }
        #expect(accepted > 0 && accepted < 600)
    }
}

private func log2(_ x: Double) -> Double {
    // Of numbers between 0 and 1, by halving: exact enough for a bound.
    var (x, result, step) = (x, 0.0, 1.0)
    while x < 1 { (x, result) = (2 * x, result - 1) }
    for _ in 0..<40 {
        x *= x
        step /= 2
        if x >= 2 { (x, result) = (x / 2, result + step) }
    }
    return result
}
