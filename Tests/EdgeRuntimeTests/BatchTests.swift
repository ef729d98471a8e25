import EdgeFormat
import EdgeRuntime
import Testing

/// Sequences of any lengths may run together, with the bits that each has alone.
@Suite struct BatchTests {
    private func sequences(
        _ lengths: [Int], of program: Program, seed: UInt64
    ) -> [BatchSequence] {
        var random = RandomNumbers(seed: seed)
        return lengths.map { length in
            BatchSequence(
                tokenIDs: random.floats(length).map {
                    Int32(abs($0) * 1e6) % Int32(program.vocabularySize)
                })
        }
    }

    private let outputs: [OutputCode] = [.hiddenState, .embedding, .logits, .pooled]

    @Test(arguments: 0..<8 as Range<UInt64>)
    func aBatchHasTheBitsOfItsSequences(seed: UInt64) throws {
        let container = RandomProgram(seed: seed).container
        for set in InstructionSet.all where set.isSupported {
            for threads in [1, 2, 5] {
                let session = try container.session(set, threads: threads)
                let program = session.container.directory.program
                let wanted = outputs.filter { session.hasOutput($0) }
                for lengths in [[1, 1], [3, 40, 1, 16], [17, 5], [2, 2, 2, 2, 2, 2]] {
                    let batch = sequences(lengths, of: program, seed: seed)
                    guard session.batchRows(batch) <= session.maximumBatchRows else { continue }
                    let together = try session.run(batch, outputs: wanted)
                    for (sequence, found) in zip(batch, together) {
                        let alone = try session.run(
                            tokenIDs: sequence.tokenIDs, typeIDs: sequence.typeIDs,
                            outputs: wanted)
                        #expect(found == alone, "\(lengths), \(threads) threads")
                    }
                }
            }
        }
    }

    @Test func noSequencesHaveNoOutputs() throws {
        let session = try RandomProgram(seed: 1).container.session(threads: 2)
        #expect(try session.run([], outputs: [.hiddenState]).isEmpty)
    }

    @Test func aBatchThatTakesMoreMemoryThanDeclaredIsRefused() throws {
        let session = try RandomProgram(seed: 1).container.session(threads: 1)
        let limit = session.maximumBatchRows
        let batch = [BatchSequence](
            repeating: BatchSequence(tokenIDs: [0]), count: limit / 16 + 1)
        #expect(throws: RuntimeError.overBatch(rows: limit + 16, limit: limit)) {
            try session.run(batch, outputs: [])
        }
        _ = try session.run(Array(batch.dropLast()), outputs: [])
    }

    @Test func oneBadSequenceIsNamed() throws {
        let session = try RandomProgram(seed: 1).container.session(threads: 1)
        let size = session.container.directory.program.vocabularySize
        #expect(
            throws: RuntimeError.tokenOutOfRange(
                position: 1, id: Int32(size), vocabularySize: size)
        ) {
            try session.run(
                [BatchSequence(tokenIDs: [0]), BatchSequence(tokenIDs: [0, Int32(size)])],
                outputs: [])
        }
    }
}
