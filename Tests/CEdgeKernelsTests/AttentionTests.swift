import CEdgeKernels
import Testing

@Suite("Attention")
struct AttentionTests {
    static let cases: [AttentionCase] = [
        AttentionCase(queryCount: 1, keyCount: 1, headSize: 1, valueSize: 1),
        AttentionCase(
            queryCount: 3, keyCount: 5, headCount: 2, headSize: 7, valueSize: 3, range: 3),
        AttentionCase(
            queryCount: 9, keyCount: 64, headCount: 4, keyValueHeadCount: 2, headSize: 32,
            valueSize: 32),
        AttentionCase(
            queryCount: 7, keyCount: 65, headCount: 2, keyValueHeadCount: 2, headSize: 33,
            valueSize: 17, isCausal: true),
        AttentionCase(
            queryCount: 68, keyCount: 68, headCount: 3, headSize: 16, valueSize: 40,
            isCausal: true, range: 2),
        AttentionCase(
            queryCount: 5, keyCount: 200, headCount: 4, keyValueHeadCount: 4, headSize: 64,
            valueSize: 64, isCausal: true),
        AttentionCase(
            queryCount: 2, keyCount: 130, headCount: 2, headSize: 65, valueSize: 129),
        AttentionCase(
            queryCount: 2, keyCount: 256, headCount: 6, keyValueHeadCount: 2, headSize: 48,
            valueSize: 48, isCausal: true, range: 4),
        AttentionCase(queryCount: 6, keyCount: 3, headSize: 8, valueSize: 8, isCausal: true),
        AttentionCase(queryCount: 4, keyCount: 0, headSize: 8, valueSize: 8),
        AttentionCase(queryCount: 0, keyCount: 4, headSize: 8, valueSize: 8),
        AttentionCase(queryCount: 2, keyCount: 9, headCount: 0, headSize: 8, valueSize: 8),
        AttentionCase(
            queryCount: 2, keyCount: 150, headSize: 8, valueSize: 20, laterValueFactor: 0),
        AttentionCase(
            queryCount: 2, keyCount: 150, headSize: 8, valueSize: 20, laterValueFactor: 0x1p-102),
        // As with a cache of keys: few queries, room behind the keys.
        AttentionCase(
            queryCount: 1, keyCount: 77, headCount: 6, keyValueHeadCount: 2, headSize: 24,
            valueSize: 24, isCausal: true, freeRows: 51),
        AttentionCase(
            queryCount: 20, keyCount: 84, headCount: 2, headSize: 16, valueSize: 12,
            isCausal: true, freeRows: 5),
        AttentionCase(
            queryCount: 4, keyCount: 200, headSize: 16, valueSize: 16, isCausal: true, window: 70),
        AttentionCase(
            queryCount: 33, keyCount: 130, headCount: 2, headSize: 20, valueSize: 20,
            isCausal: true, freeRows: 14, window: 1),
        AttentionCase(
            queryCount: 18, keyCount: 190, headSize: 16, valueSize: 16, isCausal: true,
            window: 64),
        AttentionCase(
            queryCount: 6, keyCount: 3, headSize: 8, valueSize: 8, isCausal: true, window: 2),
        AttentionCase(
            queryCount: 17, keyCount: 99, headCount: 4, headSize: 16, valueSize: 16,
            isCausal: true, hasSlopes: true),
        AttentionCase(
            queryCount: 3, keyCount: 70, headCount: 2, headSize: 16, valueSize: 16, scoreCap: 0.5),
        AttentionCase(
            queryCount: 17, keyCount: 99, headCount: 2, headSize: 31, valueSize: 16,
            isCausal: true, freeRows: 1, window: 40, scoreCap: 2, hasSlopes: true),
    ]

    private func largestError(_ y: [Float], _ attention: AttentionCase) -> Double {
        let width = attention.headCount * attention.valueSize
        var largest = 0.0
        for (i, exact) in attention.exact().enumerated() {
            let (row, column) = i.quotientAndRemainder(dividingBy: width)
            largest = max(largest, abs(Double(y[row * attention.yStride + column]) - exact))
        }
        return largest
    }

    @Test("float attention is softmax attention", arguments: Kernels.supported)
    func floatIsSoftmaxAttention(kernels: Kernels) {
        for attention in Self.cases {
            #expect(largestError(attention.runFloat(kernels), attention) < 2e-5, "\(attention)")
        }
    }

    @Test("quantized attention is softmax attention nearly", arguments: Kernels.supported)
    func quantizedIsNearlySoftmaxAttention(kernels: Kernels) {
        // Values reach 3 and their codes have a step of 3 / 127; scores are of order 1.
        for attention in Self.cases where attention.range == 1 {
            let error = largestError(attention.runQuantized(kernels), attention)
            #expect(error < 0.06, "\(attention)")
        }
    }

    @Test("the bits are those of the scalar table", arguments: Kernels.supported)
    func agreesWithScalar(kernels: Kernels) {
        for attention in Self.cases {
            #expect(
                attention.runFloat(kernels).map(\.canonicalBits)
                    == attention.runFloat(.scalar).map(\.canonicalBits), "\(attention)")
            #expect(
                attention.runQuantized(kernels).map(\.canonicalBits)
                    == attention.runQuantized(.scalar).map(\.canonicalBits), "\(attention)")
        }
    }

    @Test("every size agrees with the scalar table", arguments: Kernels.supported)
    func agreesForEverySize(kernels: Kernels) {
        for size in 1...65 {
            let attention = AttentionCase(
                queryCount: 1 + size % 3, keyCount: 2 * size, headCount: 2,
                headSize: size, valueSize: 1 + size * 37 % 67, isCausal: size % 2 == 0,
                range: size % 3 == 0 ? 20 : 1)
            #expect(
                attention.runFloat(kernels).map(\.canonicalBits)
                    == attention.runFloat(.scalar).map(\.canonicalBits), "\(attention)")
            #expect(
                attention.runQuantized(kernels).map(\.canonicalBits)
                    == attention.runQuantized(.scalar).map(\.canonicalBits), "\(attention)")
        }
    }

    @Test("every number of queries, window and free rows agrees", arguments: Kernels.supported)
    func agreesForEveryNumberOfQueries(kernels: Kernels) {
        for count in 1...40 {
            let attention = AttentionCase(
                queryCount: count, keyCount: count + count * 29 % 90, headCount: 2,
                headSize: 20, valueSize: 18, isCausal: true, freeRows: count % 19,
                window: count % 3 == 0 ? count * 5 % 77 : 0,
                scoreCap: count % 5 == 0 ? 3 : 0, hasSlopes: count % 4 == 0)
            #expect(
                attention.runFloat(kernels).map(\.canonicalBits)
                    == attention.runFloat(.scalar).map(\.canonicalBits), "\(attention)")
            #expect(
                attention.runQuantized(kernels).map(\.canonicalBits)
                    == attention.runQuantized(.scalar).map(\.canonicalBits), "\(attention)")
        }
    }

    @Test("a query that sees no key gives zeros", arguments: Kernels.supported)
    func noKeysGiveZeros(kernels: Kernels) {
        let attention = AttentionCase(
            queryCount: 6, keyCount: 3, headSize: 8, valueSize: 8, isCausal: true)
        for y in [attention.runFloat(kernels), attention.runQuantized(kernels)] {
            for query in 0..<3 {
                for d in 0..<8 { #expect(y[query * attention.yStride + d] == 0) }
            }
            #expect(y[3 * attention.yStride] != 0)
        }
    }
}
