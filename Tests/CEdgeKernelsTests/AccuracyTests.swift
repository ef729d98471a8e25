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
