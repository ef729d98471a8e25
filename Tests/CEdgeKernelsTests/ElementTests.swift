import CEdgeKernels
import Testing

@Suite("Elements")
struct ElementTests {
    private func activate(
        _ x: [Float], _ activation: edgek_activation, _ kernels: Kernels
    ) -> [Float] {
        Arena.with(seed: 1) { arena in
            let y = arena.copy(x)
            kernels.table.activate(y, Int64(x.count), activation, y)
            return (0..<x.count).map { y[$0] }
        }
    }

    @Test("activations have the bits of the scalar table", arguments: Kernels.supported)
    func activationsAgree(kernels: Kernels) {
        var random = RandomSource(seed: 2)
        // Every sign, exponent and six bits of mantissa, infinities and NaNs included.
        let all = (0..<UInt32(1 << 15)).map {
            Float(bitPattern: $0 << 17 | UInt32(random.below(1 << 17)))
        }
        for activation in LinearS8Tests.activations {
            let expected = activate(all, activation, .scalar).map(\.canonicalBits)
            #expect(activate(all, activation, kernels).map(\.canonicalBits) == expected)
            for count in 0...40 {
                let part = Array(all[1000..<1000 + count])
                let expected = activate(part, activation, .scalar).map(\.canonicalBits)
                #expect(activate(part, activation, kernels).map(\.canonicalBits) == expected)
            }
        }
    }

    @Test("activations at the ends of the line", arguments: Kernels.supported)
    func activationsAtTheEnds(kernels: Kernels) {
        let ends: [Float] = [-.infinity, -3e38, 3e38, .infinity]
        #expect(activate(ends, EDGEK_ACTIVATION_RELU, kernels) == [0, 0, 3e38, .infinity])
        let gelu = activate(ends, EDGEK_ACTIVATION_GELU, kernels)
        #expect(gelu[0] == gelu[1] && gelu[0] <= 0 && gelu[0] > -1e-29)
        #expect(gelu[2...] == [3e38, .infinity])
        #expect(activate(ends, EDGEK_ACTIVATION_GELU_TANH, kernels) == [0, 0, 3e38, .infinity])
        #expect(activate(ends, EDGEK_ACTIVATION_SILU, kernels) == [0, 0, 3e38, .infinity])
        #expect(activate(ends, EDGEK_ACTIVATION_TANH, kernels) == [-1, -1, 1, 1])
        #expect(activate(ends, EDGEK_ACTIVATION_SIGMOID, kernels) == [0, 0, 1, 1])
        for activation in LinearS8Tests.activations {
            #expect(activate([.nan, -.nan], activation, kernels).allSatisfy { $0.isNaN })
        }
        #expect(activate([0], EDGEK_ACTIVATION_SIGMOID, kernels) == [0.5])
    }

    @Test("sums and dequantized codes are single operations", arguments: Kernels.supported)
    func sumsAndCodes(kernels: Kernels) {
        for count in 0...66 {
            Arena.with(seed: count) { arena in
                let x = arena.floats(count)
                let y = arena.floats(count)
                let expected = (0..<count).map { y[$0] + x[$0] }
                kernels.table.add(x, Int64(count), y)
                #expect((0..<count).map { y[$0] } == expected)

                let products = (0..<count).map { y[$0] * x[$0] }
                kernels.table.multiply(x, Int64(count), y)
                #expect((0..<count).map { y[$0] } == products)
                let scaled = (0..<count).map { x[$0] * 1.7 }
                kernels.table.scale(x, Int64(count), 1.7, x)
                #expect((0..<count).map { x[$0] } == scaled)

                let codes = arena.codes(count, lowest: -128)
                kernels.table.dequantize(codes, Int64(count), 0.0123, y)
                #expect((0..<count).map { y[$0] } == (0..<count).map { Float(codes[$0]) * 0.0123 })
            }
        }
    }

    @Test("all 65536 halves widen exactly", arguments: Kernels.supported)
    func halvesWidenExactly(kernels: Kernels) {
        for offset in [0, 3] {
            Arena.with(seed: 1) { arena in
                let count = 65536 - offset
                let halves = arena.copy((0..<count).map { UInt16($0 + offset) })
                let y = arena.zeros(count, of: Float.self)
                kernels.table.widen_f16(halves, Int64(count), y)
                let wrong = (0..<count).filter {
                    let half = halves[$0]
                    let (sign, exponent, mantissa) = (half >> 15, half >> 10 & 31, half & 1023)
                    if exponent == 31 {
                        return y[$0].bitPattern
                            != UInt32(sign) << 31 | 0x7f80_0000 | UInt32(mantissa) << 13
                    }
                    var value = Double(exponent == 0 ? mantissa : mantissa + 1024) * 0x1p-24
                    for _ in 1..<max(Int(exponent), 1) { value *= 2 }
                    return y[$0].bitPattern != Float(sign == 0 ? value : -value).bitPattern
                }
                #expect(wrong.isEmpty)

                kernels.table.widen_bf16(halves, Int64(count), y)
                #expect((0..<count).allSatisfy { y[$0].bitPattern == UInt32(halves[$0]) << 16 })
            }
        }
    }
}
