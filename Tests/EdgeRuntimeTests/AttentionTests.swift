import EdgeFormat
import EdgeRuntime
import Testing

@Suite struct AttentionTests {
    struct Layout: Sendable, CustomTestStringConvertible {
        let tokens: Int
        let heads: Int
        let keyValueHeads: Int
        let headSize: Int
        let valueSize: Int

        var testDescription: String {
            "\(tokens) tokens, \(heads)/\(keyValueHeads) heads of \(headSize) and \(valueSize)"
        }
    }

    /// Around the block of 64 keys and the widths of the kernels.
    private static let layouts = [
        Layout(tokens: 1, heads: 1, keyValueHeads: 1, headSize: 1, valueSize: 1),
        Layout(tokens: 2, heads: 2, keyValueHeads: 1, headSize: 5, valueSize: 3),
        Layout(tokens: 63, heads: 2, keyValueHeads: 2, headSize: 16, valueSize: 16),
        Layout(tokens: 64, heads: 1, keyValueHeads: 1, headSize: 32, valueSize: 8),
        Layout(tokens: 65, heads: 4, keyValueHeads: 2, headSize: 17, valueSize: 33),
        Layout(tokens: 130, heads: 3, keyValueHeads: 1, headSize: 64, valueSize: 64),
        Layout(tokens: 200, heads: 2, keyValueHeads: 2, headSize: 8, valueSize: 70),
    ]

    private func check(
        _ layout: Layout, _ arithmetic: AttentionArithmetic, isCausal: Bool, spread: Float
    ) throws {
        var random = RandomNumbers(seed: UInt64(layout.tokens * 31 + layout.headSize))
        var container = TestContainer()
        let columns = layout.heads * layout.headSize
        let keyColumns = layout.keyValueHeads * layout.headSize
        let valueColumns = layout.keyValueHeads * layout.valueSize
        let query = container.input(
            random.floats(layout.tokens * columns, spread), columns: columns)
        let key = container.input(
            random.floats(layout.tokens * keyColumns, spread), columns: keyColumns)
        let value = container.input(
            random.floats(layout.tokens * valueColumns), columns: valueColumns)
        let output = container.attention(
            query, key, value,
            AttentionShape(
                headCount: layout.heads, keyValueHeadCount: layout.keyValueHeads,
                headSize: layout.headSize, valueSize: layout.valueSize,
                scale: 1 / Float(layout.headSize).squareRoot(), isCausal: isCausal,
                arithmetic: arithmetic))
        try container.expectReference(of: output, tolerance: 1e-5)
    }

    @Test(arguments: layouts, [false, true])
    func floatAttentionIsClose(layout: Layout, isCausal: Bool) throws {
        for spread in [0.5, 4] as [Float] {
            try check(layout, .float, isCausal: isCausal, spread: spread)
        }
    }

    @Test(arguments: layouts, [false, true])
    func attentionOverCodesIsAsCloseAsItsCodes(layout: Layout, isCausal: Bool) throws {
        for spread in [0.5, 4] as [Float] {
            try check(layout, .int8, isCausal: isCausal, spread: spread)
        }
    }

    @Test(arguments: [AttentionArithmetic.float, .int8])
    func oneQueryMayReadAllTokens(arithmetic: AttentionArithmetic) throws {
        var random = RandomNumbers(seed: 12)
        var container = TestContainer()
        let keys = container.input(random.floats(90 * 24), columns: 24)
        let query = container.pool(keys, .mean)
        let output = container.attention(
            query, keys, keys,
            AttentionShape(
                headCount: 3, keyValueHeadCount: 3, headSize: 8, valueSize: 8, scale: 0.7,
                isCausal: false, arithmetic: arithmetic))
        // The codes of a query that is only close to the reference may differ by one step.
        try container.expectReference(of: output, tolerance: arithmetic == .float ? 1e-5 : 5e-3)
    }

    @Test(arguments: [AttentionArithmetic.float, .int8], [false, true])
    func largeScoresDoNotOverflow(arithmetic: AttentionArithmetic, isCausal: Bool) throws {
        var random = RandomNumbers(seed: 13)
        var container = TestContainer()
        let input = container.input(random.floats(70 * 16, 1e4), columns: 16)
        let output = container.attention(
            input, input, input,
            AttentionShape(
                headCount: 2, keyValueHeadCount: 2, headSize: 8, valueSize: 8, scale: 1,
                isCausal: isCausal, arithmetic: arithmetic))
        try container.expectReference(of: output, tolerance: 1e-4)
    }

    @Test(arguments: [AttentionArithmetic.float, .int8])
    func sizesMayBeZero(arithmetic: AttentionArithmetic) throws {
        for (heads, headSize, valueSize) in [(0, 8, 8), (2, 0, 4), (2, 4, 0), (0, 0, 0)] {
            var random = RandomNumbers(seed: 14)
            var container = TestContainer()
            let query = container.input(
                random.floats(5 * heads * headSize), columns: heads * headSize, count: 5)
            let value = container.input(
                random.floats(5 * heads * valueSize), columns: heads * valueSize, count: 5)
            for isCausal in [false, true] {
                var container = container
                let queries = isCausal ? query : container.pool(query, .firstRow)
                let output = container.attention(
                    queries, query, value,
                    AttentionShape(
                        headCount: heads, keyValueHeadCount: heads, headSize: headSize,
                        valueSize: valueSize, scale: 1, isCausal: isCausal,
                        arithmetic: arithmetic))
                try container.expectReference(of: output, tolerance: 1e-5)
            }
        }
    }
}
