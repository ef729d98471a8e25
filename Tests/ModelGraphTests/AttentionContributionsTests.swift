import ModelGraph
import Tensors
import Testing

/// `Attention.contributions`.
@Suite struct AttentionContributionsTests {
    private func attention(heads: Int, keyValueHeads: Int) -> Attention {
        Attention(
            headCount: heads, keyValueHeadCount: keyValueHeads, headSize: 2, valueSize: 2,
            scale: 1, mask: .none)
    }

    private func contributions(
        _ attention: Attention, query: Tensor, key: Tensor, value: Tensor,
        _ sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [[Float]] {
        attention.contributions(query: query, key: key, value: value, sequences: sequences)
    }

    @Test("Where all is looked at alike, the lengths of the values decide")
    func lengthsOfValuesCount() {
        let found = contributions(
            attention(heads: 1, keyValueHeads: 1), query: Tensor(zeros: [3, 2]),
            key: Tensor(zeros: [3, 2]),
            value: Tensor(shape: [3, 2], values: [3, 4, 0, 0, -6, 8]), [(0..<3, 0..<3)])
        for row in 0..<3 {
            let shares = Array(found[0][3 * row..<3 * row + 3])
            for (share, expected) in zip(shares, [1.0 / 3, 0, 2.0 / 3] as [Float]) {
                #expect(abs(share - expected) < 1e-6)
            }
        }
    }

    @Test("Heads add up by what they give, also where they share their values")
    func headsAddUp() {
        // The second head of each pair looks at the second key alone.
        let query = Tensor(shape: [1, 8], values: [0, 0, 100, 0, 0, 0, 100, 0])
        let key = Tensor(shape: [2, 4], values: [0, 0, 0, 0, 1, 0, 1, 0])
        let value = Tensor(shape: [2, 4], values: [2, 0, 0, 4, 1, 0, 0, 3])
        let found = contributions(
            attention(heads: 4, keyValueHeads: 2), query: query, key: key, value: value,
            [(0..<1, 0..<2)])
        // Halves of 2 and 4 for the first key; halves and wholes of 1 and 3 for the second.
        let sums: [Float] = [0.5 * 2 + 0.5 * 4, 1.5 * 1 + 1.5 * 3]
        for (share, sum) in zip(found[0], sums) {
            #expect(abs(share - sum / (sums[0] + sums[1])) < 1e-6)
        }
    }

    @Test("Sequences keep to themselves, and values of zero give nothing to anyone")
    func sequencesAreApart() {
        let found = contributions(
            attention(heads: 1, keyValueHeads: 1), query: Tensor(zeros: [3, 2]),
            key: Tensor(zeros: [3, 2]),
            value: Tensor(shape: [3, 2], values: [1, 0, 3, 0, 0, 0]),
            [(0..<2, 0..<2), (2..<3, 2..<3)])
        #expect(found.count == 2 && found[1] == [0])
        for (share, expected) in zip(found[0], [0.25, 0.75, 0.25, 0.75] as [Float]) {
            #expect(abs(share - expected) < 1e-6)
        }
    }
}
