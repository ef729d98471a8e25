import EdgeFormat
import EdgeTokenizer
import Foundation
import Testing

@testable import EdgeRuntime

@Suite struct RuntimeErrorTests {
    /// A model of one embedding over 6 tokens and 2 types.
    private static func model() -> TestContainer {
        var random = RandomNumbers(seed: 1)
        var container = TestContainer()
        container.program.vocabularySize = 6
        container.program.typeCount = 2
        container.program.maximumTokens = 4
        let tokens = container.add(random.floats(6 * 8), [6, 8])
        let types = container.add(random.floats(2 * 8), [2, 8])
        let output = container.value(8)
        container.program.instructions.append(
            .embed(
                output: output,
                terms: [
                    EmbedTerm(table: tokens, index: .tokenIDs, offset: 0),
                    EmbedTerm(table: types, index: .typeIDs, offset: 0),
                ]))
        container.setOutput(.hiddenState, output)
        return container
    }

    private func expect(
        _ error: RuntimeError, ids: [Int32], types: [Int32] = [],
        outputs: [OutputCode] = [.hiddenState], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let session = try Self.model().session()
        #expect(throws: error, sourceLocation: sourceLocation) {
            try session.run(tokenIDs: ids, typeIDs: types, outputs: outputs)
        }
        // What was refused leaves the session usable.
        let after = try session.run(tokenIDs: [0, 5], typeIDs: [], outputs: [.hiddenState])
        #expect(after[0].rowCount == 2, sourceLocation: sourceLocation)
    }

    // MARK: - Inputs

    @Test func inputsAreChecked() throws {
        try expect(.emptyInput, ids: [])
        try expect(.tooManyTokens(count: 5, limit: 4), ids: [0, 1, 2, 3, 4])
        for id in [6, -1, .max, .min] as [Int32] {
            try expect(.tokenOutOfRange(position: 2, id: id, vocabularySize: 6), ids: [0, 5, id])
        }
        for type in [2, -1, .max, .min] as [Int32] {
            try expect(
                .typeOutOfRange(position: 1, id: type, typeCount: 2), ids: [0, 1],
                types: [1, type])
        }
        try expect(.wrongTypeCount(expected: 2, found: 1), ids: [0, 1], types: [0])
        try expect(.wrongTypeCount(expected: 2, found: 3), ids: [0, 1], types: [0, 0, 0])
        try expect(.noSuchOutput, ids: [0], outputs: [.hiddenState, .logits])
    }

    @Test func aModelWithoutTypesTakesTypeZero() throws {
        var container = TestContainer()
        let output = container.input([1, 2], columns: 1)
        container.setOutput(.hiddenState, output)
        let session = try container.session()
        #expect(
            try session.run(tokenIDs: [0, 1], typeIDs: [0, 0], outputs: [.hiddenState])[0].values
                == [1, 2])
        #expect(throws: RuntimeError.typeOutOfRange(position: 0, id: 1, typeCount: 0)) {
            try session.run(tokenIDs: [0, 1], typeIDs: [1, 0], outputs: [.hiddenState])
        }
    }

    // MARK: - Options

    @Test func instructionSetsHaveNames() throws {
        let names = InstructionSet.all.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(names.first == "scalar" && Set(names).count == names.count)
        for set in InstructionSet.all {
            if set.isSupported {
                #expect(try InstructionSet.named(set.name).index == set.index)
            } else {
                #expect(throws: RuntimeError.unsupportedInstructionSet(name: set.name)) {
                    try InstructionSet.named(set.name)
                }
            }
        }
        for name in ["", "Scalar", "scalar ", "mmx"] {
            #expect(throws: RuntimeError.unknownInstructionSet(name: Array(name.utf8))) {
                try InstructionSet.named(Array(name.utf8))
            }
        }
        #expect(InstructionSet.fastest.isSupported)
    }

    @Test(arguments: [0, -1, 1_025, .max, .min])
    func threadCountsHaveLimits(count: Int) throws {
        #expect(throws: RuntimeError.threads(count: count)) { try ThreadPool(threadCount: count) }
        #expect(throws: RuntimeError.threads(count: count)) {
            try Self.model().session(threads: count)
        }
        #expect(throws: RuntimeError.threads(count: count)) {
            try Session(
                Self.model().open(),
                options: SessionOptions(threadCount: count, memoryLimit: 1 << 40))
        }
    }

    @Test(arguments: [1, 2, 5, 16])
    func aPoolDoesEveryPieceOfWorkOnce(count: Int) throws {
        let pool = try ThreadPool(threadCount: count)
        #expect(pool.threadCount == count)
        for pieces in [0, 1, 2, 15, 1_000] {
            var done = [Int32](repeating: 0, count: pieces)
            var isThreadValid = [Bool](repeating: false, count: pieces)
            done.withUnsafeMutableBufferPointer { done in
                isThreadValid.withUnsafeMutableBufferPointer { isThreadValid in
                    pool.run(pieces) { index, thread in
                        done[index] += 1
                        isThreadValid[index] = (0..<count).contains(thread)
                    }
                }
            }
            #expect(done.allSatisfy { $0 == 1 } && isThreadValid.allSatisfy { $0 })
        }
        #expect(ThreadPool.defaultThreadCount >= 1)
    }

    @Test func memoryThatIsNotThereIsAnError() {
        for count in [Int.max, Int.max / 2 + 1, 1 << 60] {
            #expect(throws: RuntimeError.outOfMemory(byteCount: count)) {
                try AlignedBuffer(byteCount: count)
            }
        }
        #expect(throws: Never.self) {
            let buffer = try AlignedBuffer(byteCount: 0)
            #expect(Int(bitPattern: buffer.start) % 64 == 0)
        }
    }

    // MARK: - Files

    @Test func filesThatCannotBeMappedAreErrors() throws {
        #expect(throws: RuntimeError.file(errno: ENOENT)) {
            try Container(path: Array("/nonexistent/model.atn".utf8))
        }
        #expect(throws: RuntimeError.file(errno: EISDIR)) {
            try Container(path: Array("/".utf8))
        }
        let empty = try TemporaryFile([])
        #expect(throws: RuntimeError.self) { try Container(path: Array(empty.path.utf8)) }
        let other = try TemporaryFile(Array("PK and so on, long enough to be anything".utf8))
        #expect(throws: RuntimeError.format(.notAContainer)) {
            try Container(path: Array(other.path.utf8))
        }
    }

    @Test func aMappedFileAndBorrowedBytesAreTheSame() throws {
        let container = RandomProgram(seed: 3).container
        let file = try TemporaryFile(container.bytes())
        let mapped = try Container(path: Array(file.path.utf8))
        let borrowed = try container.open()
        #expect(mapped.directory == borrowed.directory && mapped.header == borrowed.header)
        #expect(mapped.contentDigestMatches() && borrowed.contentDigestMatches())
        let ids: [Int32] = [1, 9, 49]
        let results = try [mapped, borrowed].map {
            try Session($0, options: SessionOptions())
                .run(tokenIDs: ids, typeIDs: [], outputs: [.embedding])
        }
        #expect(results[0] == results[1])
    }

    @Test func everyTruncatedContainerIsAnError() throws {
        let bytes = Self.model().bytes()
        for length in 0..<bytes.count {
            #expect(throws: RuntimeError.self) { try TestContainer.open(Array(bytes[..<length])) }
        }
    }

    // MARK: - Sentences

    @Test func everyErrorIsOneSentenceWithItsFacts() {
        let name = Array("mmx".utf8)
        let errors: [(RuntimeError, [String])] = [
            (.file(errno: 2), ["2"]), (.format(.notAContainer), ["container"]),
            (.unknownInstructionSet(name: name), ["'mmx'"]),
            (.unsupportedInstructionSet(name: name), ["'mmx'"]), (.threads(count: 7), ["7"]),
            (.outOfMemory(byteCount: 99), ["99"]),
            (.overMemoryLimit(needed: 123, limit: 45), ["123", "45"]), (.emptyInput, ["tokens"]),
            (.tooManyTokens(count: 9, limit: 8), ["9", "8"]),
            (.tokenOutOfRange(position: 3, id: -4, vocabularySize: 5), ["3", "-4", "5"]),
            (.typeOutOfRange(position: 3, id: 4, typeCount: 2), ["3", "4", "2"]),
            (.wrongTypeCount(expected: 3, found: 2), ["3", "2"]),
            (.notFinite(instruction: 17, row: 4), ["17", "4"]), (.noSuchOutput, ["task"]),
            (.tokenizer(.wrongMagic(found: 123_456)), ["123456"]), (.noTokenizer, ["tokenizer"]),
        ]
        for (error, facts) in errors {
            #expect(!error.message.isEmpty && !error.message.contains("\n"))
            #expect(!error.message.hasSuffix("."))
            for fact in facts { #expect(error.message.contains(fact)) }
        }
    }
}
