import EdgeFormat
import Testing

@testable import EdgeRuntime

@Suite struct SessionTests {
    private static let codes: [OutputCode] = [.hiddenState, .embedding, .logits, .pooled]

    private struct Input {
        let ids: [Int32]
        let types: [Int32]

        init(_ count: Int, _ random: inout RandomNumbers) {
            ids = (0..<count).map { _ in Int32(random.below(50)) }
            types = random.below(2) == 0 ? [] : (0..<count).map { _ in Int32(random.below(2)) }
        }
    }

    private func run(_ session: Session, _ input: Input) throws -> [Output] {
        try session.run(tokenIDs: input.ids, typeIDs: input.types, outputs: Self.codes)
    }

    private func bits(_ outputs: [Output]) -> [UInt32] {
        outputs.flatMap { $0.values.map(\.bitPattern) }
    }

    @Test(arguments: 0..<12)
    func resultsDependOnNeitherThreadsNorInstructionSet(seed: UInt64) throws {
        var random = RandomNumbers(seed: seed + 1_000)
        let container = try RandomProgram(seed: seed).container.open()
        let inputs = [1, 2, 63, 65, 150].map { Input($0, &random) }
        let reference = try Session(
            container,
            options: SessionOptions(instructionSet: .named(Array("scalar".utf8)), threadCount: 1))
        let expected = try inputs.map { bits(try run(reference, $0)) }
        for set in InstructionSet.all where set.isSupported {
            for threads in TestContainer.threadCounts {
                let session = try Session(
                    container, options: SessionOptions(instructionSet: set, threadCount: threads))
                for (input, expected) in zip(inputs, expected) {
                    #expect(
                        bits(try run(session, input)) == expected,
                        "\(input.ids.count) tokens, \(threads) threads, seed \(seed)")
                }
            }
        }
    }

    @Test(arguments: 0..<12)
    func memoryThatIsUsedAgainChangesNothing(seed: UInt64) throws {
        var random = RandomNumbers(seed: seed + 2_000)
        let program = RandomProgram(seed: seed)
        let together = try program.container.session(threads: 2)
        let apart = try program.keepingSequences().session(threads: 2)
        for count in [70, 3, 150, 1] {
            let input = Input(count, &random)
            let kept = try apart.run(
                tokenIDs: input.ids, typeIDs: input.types, outputs: Self.codes + [.nextLogits])
            #expect(bits(Array(kept.dropLast())) == bits(try run(together, input)))
            // Of a few rows nearly all is rounding.
            #expect(count < 70 || apart.lastPlan!.byteCount > together.lastPlan!.byteCount)
        }
    }

    @Test(arguments: 0..<6)
    func aSessionThatRanBeforeGivesWhatAFreshOneGives(seed: UInt64) throws {
        var random = RandomNumbers(seed: seed + 3_000)
        let container = try RandomProgram(seed: seed).container.open()
        let options = SessionOptions(threadCount: 2)
        let used = try Session(container, options: options)
        for count in [5, 150, 1, 64, 149, 2, 150] {
            let input = Input(count, &random)
            let fresh = try Session(container, options: options)
            #expect(bits(try run(used, input)) == bits(try run(fresh, input)), "\(count) tokens")
        }
    }

    @Test(arguments: 0..<8)
    func longProgramsStayNearTheReference(seed: UInt64) throws {
        var random = RandomNumbers(seed: seed + 4_000)
        let container = RandomProgram(seed: seed).container
        let input = Input(40, &random)
        let session = try container.session()
        let output = try session.run(
            tokenIDs: input.ids, typeIDs: input.types, outputs: [.embedding])[0]
        let value = try #require(container.program.output(.embedding))
        let expected = Reference(
            container, tokenIDs: input.ids, typeIDs: input.types)[value].numbers
        // Both have length 1. Codes that fall to the other side of a rounding add up.
        let cosine = zip(output.values, expected).reduce(0) { $0 + Double($1.0) * $1.1 }
        #expect(cosine > 0.98, "seed \(seed)")
    }

    @Test func outputsComeInTheOrderAskedFor() throws {
        var container = RandomProgram(seed: 1).container
        container.program.outputs.removeAll { $0.code == .embedding }
        let session = try container.session()
        let ids: [Int32] = [1, 2, 3]
        let codes = Self.codes.filter { session.hasOutput($0) }
        #expect(codes == [.hiddenState, .logits, .pooled])
        let all = try session.run(tokenIDs: ids, typeIDs: [], outputs: codes)
        let turned = try session.run(
            tokenIDs: ids, typeIDs: [], outputs: [.logits, .logits, .hiddenState])
        #expect(turned == [all[1], all[1], all[0]])
        #expect(all[0].rowCount == 3 && all[1].rowCount == 1)
        #expect(try session.run(tokenIDs: ids, typeIDs: [], outputs: []).isEmpty)
        #expect(session.maximumTokens == 150)
    }

    @Test func noTypesStandForTypeZero() throws {
        let session = try RandomProgram(seed: 2).container.session()
        let ids: [Int32] = [4, 5, 6]
        #expect(
            try session.run(tokenIDs: ids, typeIDs: [], outputs: [.embedding])
                == session.run(tokenIDs: ids, typeIDs: [0, 0, 0], outputs: [.embedding]))
        #expect(
            try session.run(tokenIDs: ids, typeIDs: [], outputs: [.embedding])
                != session.run(tokenIDs: ids, typeIDs: [0, 1, 0], outputs: [.embedding]))
    }
}
