import Checkpoints
import ModelGraph
import Testing

@testable import ModelCompression

@Suite struct CalibrationSetTests {
    private func sequences(_ lengths: [Int]) -> [TokenSequence] {
        lengths.enumerated().map { index, length in
            TokenSequence(
                ids: [Int32](repeating: Int32(index), count: length),
                typeIDs: [Int32](repeating: 1, count: length))
        }
    }

    private func firsts(_ set: CalibrationSet) -> [Int32] { set.sequences.map { $0.ids[0] } }

    @Test func everyFourthSequenceIsHeldOut() {
        let set = CalibrationSet(sequences([Int](repeating: 2, count: 9)))
        #expect(firsts(set) == [0, 1, 2, 4, 5, 6, 8, 3, 7])
        #expect(set.fittedCount == 7 && set.heldOut == 7..<9)
        #expect(set.tokenCount == 18 && !set.isSynthetic)
        #expect(CalibrationSet(sequences([1, 1, 1])).heldOut.isEmpty)
        #expect(CalibrationSet([]).sequences.isEmpty)
    }

    @Test func sequencesAndTheirNumberAreCut() {
        let set = CalibrationSet(sequences([3, 9, 2, 7, 4, 6]))
        let cut = set.limited(tokens: 5, total: 18)
        // 3 + 5 + 2 + 5 are 15; another 4 would be too many.
        #expect(firsts(cut) == [0, 1, 2, 3])
        #expect(cut.sequences.map(\.ids.count) == [3, 5, 2, 5])
        #expect(cut.sequences.map(\.typeIDs.count) == [3, 5, 2, 5])
        #expect(cut.sequences.map(\.isTruncated) == [false, true, false, true])
        #expect(cut.fittedCount == 3)
        #expect(set.limited(tokens: 100, total: 1000).sequences == set.sequences)
        // One sequence remains, however long.
        #expect(set.limited(tokens: 5, total: 1).sequences.map(\.ids.count) == [3])
    }

    @Test func cuttingTwiceIsCuttingOnce() {
        let set = CalibrationSet(sequences((0..<23).map { 1 + $0 % 5 }))
        let once = set.limited(tokens: 4, total: 40)
        #expect(once.limited(tokens: 4, total: 40).sequences == once.sequences)
        #expect(
            once.tokenCount <= 40
                && once.fittedCount == once.sequences.count - once.sequences.count / 4)
    }

    @Test func syntheticSequencesAreAlwaysTheSame() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
        let set = CalibrationSet.synthetic(for: model)
        #expect(set.isSynthetic && set.sequences.count == 16)
        #expect(set.sequences.allSatisfy { $0.ids.count == 40 })
        #expect(Set(set.sequences.flatMap(\.ids)).count > 90)
        #expect(throws: Never.self) { try SequenceBatch(set.sequences, for: model) }
        #expect(CalibrationSet.synthetic(for: model).sequences == set.sequences)
        #expect(set.limited(tokens: 8, total: 64).isSynthetic)
    }
}
