import CEdgeKernels
import Testing

/// The stated errors of the elementary functions, over every exponent of binary32.
///
/// The fastest table stands for all: others have the same bits.
@Suite("Accuracy")
struct AccuracyTests {
    /// Calls `check` with arguments from the whole range, about four million, and their results.
    private func sweep(
        _ activation: edgek_activation, _ check: (_ x: Double, _ y: Double) -> Void
    ) {
        let chunk = 1 << 12
        let stride: UInt64 = 1021
        let x = UnsafeMutablePointer<Float>.allocate(capacity: chunk)
        let y = UnsafeMutablePointer<Float>.allocate(capacity: chunk)
        defer {
            x.deallocate()
            y.deallocate()
        }
        let table = Kernels.fastest.table
        var bits: UInt64 = 0
        while bits < 1 << 32 {
            var count = 0
            while count < chunk && bits < 1 << 32 {
                x[count] = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
                count += 1
                bits += stride
            }
            table.activate(x, Int64(count), activation, y)
            for i in 0..<count where x[i].isFinite { check(Double(x[i]), Double(y[i])) }
        }
    }

    /// Units in the last place of the float nearest to `exact`.
    private func ulps(_ y: Double, _ exact: Double) -> Double {
        abs(y - exact) / Double(max(abs(Float(exact)), .leastNormalMagnitude).ulp)
    }

    @Test("GELU is within 1.1·10⁻⁷ of max(1, |x|), and within 0.3 % above −5")
    func gelu() {
        var (worst, relative) = (0.0, 0.0)
        sweep(EDGEK_ACTIVATION_GELU) { x, y in
            let exact = exactGELU(x)
            worst = max(worst, abs(y - exact) / max(1, abs(x)))
            if x >= -5, abs(exact) > 1e-36 {
                relative = max(relative, abs(y - exact) / abs(exact))
            }
        }
        #expect(worst <= 1.1e-7)
        #expect(relative <= 3e-3)
    }

    /// The product of one row and one column is x exactly: the code 127 + 128 − z of a row with
    /// scale x / 255, times the weight 1.
    @Test("the coarse GELU of quantized products is within 3·10⁻⁵")
    func coarseGELU() {
        var worst = 0.0
        for step in -4000...4000 {
            let x = Float(step) / 256
            var row = edgek_row_quantization(scale: x / 255, zero_point: 0, code_sum: 127)
            var code: [Int8] = [Int8](repeating: 0, count: 64)
            code[0] = 127
            let y = gelu(code: code, row: &row)
            let exact = exactGELU(Double(255 * (x / 255)))
            worst = max(worst, abs(Double(y) - exact) / max(1, abs(Double(x))))
        }
        #expect(worst <= 3e-5)
        #expect(worst >= 1e-6)
    }

    /// GELU of (code + 128) · scale by the fastest table.
    private func gelu(code: [Int8], row: inout edgek_row_quantization) -> Float {
        let table = Kernels.fastest.table
        return Arena.with(seed: 1) { arena in
            let codes = arena.zeros(64, of: Int8.self)
            codes[0] = code[0]
            let packed = arena.bytes(Int(table.packed_weight_bytes(1, 1)))
            table.clear_packed_weights(packed, 1, 1)
            let sums = arena.zeros(1, of: Int32.self)
            _ = table.pack_weights(arena.copy([Int8(1)]), 0, 1, 1, 1, packed, sums)
            let y = arena.floats(1)
            var task = edgek_linear_s8(
                codes: codes, code_stride: 64, rows: arena.copy([row]), packed_weights: packed,
                weight_sums: sums, weight_scales: arena.copy([Float(1)]), bias: nil,
                residual: nil, residual_stride: 1, y: y, y_stride: 1, row_count: 1,
                column_count: 1, depth: 1, activation: EDGEK_ACTIVATION_GELU, upcoming_weights: nil)
            table.linear_s8(&task, 0, 1, 0, 1)
            return y[0]
        }
    }

    @Test("GELU by tanh keeps its relative error below 10⁻⁶ above −3 and 2·10⁻⁵ everywhere")
    func tanhGELU() {
        var (near, far) = (0.0, 0.0)
        sweep(EDGEK_ACTIVATION_GELU_TANH) { x, y in
            let exact = exactTanhGELU(x)
            guard abs(exact) > 1e-36 else { return }
            let error = abs(y - exact) / abs(exact)
            if x > -3 { near = max(near, error) } else { far = max(far, error) }
        }
        #expect(near <= 1e-6)
        #expect(far <= 2e-5)
    }

    @Test("SiLU is within 3 ulp")
    func silu() {
        var worst = 0.0
        sweep(EDGEK_ACTIVATION_SILU) { x, y in
            if x >= -87 { worst = max(worst, ulps(y, exactSiLU(x))) }
        }
        #expect(worst <= 3)
    }

    @Test("tanh is within 2 ulp")
    func tanh() {
        var worst = 0.0
        sweep(EDGEK_ACTIVATION_TANH) { x, y in worst = max(worst, ulps(y, exactTanh(x))) }
        #expect(worst <= 2)
    }

    @Test("sigmoid is within 3 ulp above −87 and 0 below")
    func sigmoid() {
        var (worst, below) = (0.0, 0.0)
        sweep(EDGEK_ACTIVATION_SIGMOID) { x, y in
            if x >= -87 {
                worst = max(worst, ulps(y, exactSigmoid(x)))
            } else {
                below = max(below, y)
            }
        }
        #expect(worst <= 3)
        #expect(below == 0)
    }

    /// Softmax shows the exponential itself where the other scores do not move the sum from 1.
    @Test("exp is within 1 ulp from −87 to −30, 0 below and 1 at 0")
    func exp() {
        let chunk = 4096
        var x = [Float](repeating: 0, count: chunk)
        var y = x
        var worst = 0.0
        var bits = Float(-30).bitPattern
        let end = Float(-90).bitPattern
        while bits < end {
            var count = 1
            while count < chunk && bits < end {
                x[count] = Float(bitPattern: bits)
                count += 1
                bits += 13
            }
            Kernels.fastest.table.softmax(&x, Int64(count), &y)
            #expect(y[0] == 1)
            for i in 1..<count {
                if x[i] < -87 {
                    #expect(y[i] == 0)
                } else {
                    worst = max(worst, ulps(Double(y[i]), exponential(Double(x[i]))))
                }
            }
        }
        #expect(worst <= 1)
    }

    /// Two scores: y₁ is exp(x) / (1 + exp(x)), with three more roundings.
    @Test("exp is within 1 ulp from −30 to 0, as far as two scores show")
    func expNearZero() {
        var worst = 0.0
        var bits: UInt32 = 0
        while bits <= Float(30).bitPattern {
            let x: [Float] = [0, -Float(bitPattern: bits)]
            var y: [Float] = [0, 0]
            Kernels.fastest.table.softmax(x, 2, &y)
            let e = exponential(Double(x[1]))
            worst = max(worst, ulps(Double(y[1]), e / (1 + e)))
            bits += 1009
        }
        #expect(worst <= 3.5)
    }
}
