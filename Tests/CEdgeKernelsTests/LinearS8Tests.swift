import CEdgeKernels
import Testing

@Suite("linear_s8")
struct LinearS8Tests {
    static let activations: [edgek_activation] = [
        EDGEK_ACTIVATION_NONE, EDGEK_ACTIVATION_RELU, EDGEK_ACTIVATION_GELU,
        EDGEK_ACTIVATION_GELU_TANH, EDGEK_ACTIVATION_SILU, EDGEK_ACTIVATION_TANH,
        EDGEK_ACTIVATION_SIGMOID,
    ]

    @Test("agrees with exact integer arithmetic", arguments: Kernels.supported)
    func agreesWithExactArithmetic(kernels: Kernels) {
        let cases = [
            LinearS8Case(rowCount: 3, columnCount: 19, depth: 37, hasResidual: true),
            LinearS8Case(rowCount: 5, columnCount: 130, depth: 64, hasBias: false),
            LinearS8Case(rowCount: 1, columnCount: 7, depth: 1000, isInPlace: true),
        ]
        for linear in cases {
            let bits = linear.run(kernels)
            for (i, exact) in linear.exact().enumerated() {
                let (row, column) = i.quotientAndRemainder(dividingBy: linear.columnCount)
                let y = Float(bitPattern: bits[row * linear.yStride + column])
                #expect(abs(Double(y) - exact) <= 4e-7 * (abs(exact) + 4), "\(row), \(column)")
            }
        }
    }

    @Test("returns the bits of the scalar table for every small size", arguments: Kernels.supported)
    func agreesForEverySize(kernels: Kernels) {
        for size in 0...66 {
            let cases = [
                LinearS8Case(rowCount: 1 + size % 7, columnCount: size, depth: 1 + size * 29 % 67),
                LinearS8Case(
                    rowCount: 1 + size % 9, columnCount: 1 + size * 31 % 150, depth: size,
                    hasBias: false, hasResidual: true, activation: Self.activations[size % 7]),
                LinearS8Case(
                    rowCount: size, columnCount: 1 + size * 37 % 70, depth: 1 + size * 5 % 40,
                    isInPlace: true, activation: Self.activations[(size + 3) % 7]),
            ]
            for linear in cases {
                #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
            }
        }
    }

    @Test("returns the bits of the scalar table beyond a block", arguments: Kernels.supported)
    func agreesBeyondABlock(kernels: Kernels) {
        let cases = [
            LinearS8Case(rowCount: 2, columnCount: 66, depth: 513, hasResidual: true),
            LinearS8Case(rowCount: 33, columnCount: 257, depth: 512, hasBias: false),
            LinearS8Case(
                rowCount: 35, columnCount: 330, depth: 1100, activation: EDGEK_ACTIVATION_GELU),
            LinearS8Case(
                rowCount: 67, columnCount: 300, depth: 70, rows: 3..<66, columns: 64..<299),
            LinearS8Case(rowCount: 5, columnCount: 20, depth: 2500, rows: 1..<5),
        ]
        for linear in cases {
            #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
        }
    }

    @Test("wraps like the scalar table at the largest depth", arguments: Kernels.supported)
    func wrapsAtTheLargestDepth(kernels: Kernels) {
        for (rowCount, weight) in [(1, -127), (3, 127), (4, -127)] as [(Int, Int8)] {
            let linear = LinearS8Case(
                rowCount: rowCount, columnCount: 17, depth: 131072, extremeWeight: weight)
            #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
        }
    }

    /// Products of 16 bits take the sums of weights in two parts, up to the first of these depths.
    @Test("corrects large sums of weights exactly", arguments: Kernels.supported)
    func correctsLargeSums(kernels: Kernels) {
        for (depth, weight) in [(33024, 127), (33024, -127), (33025, 127)] as [(Int, Int8)] {
            let linear = LinearS8Case(
                rowCount: 7, columnCount: 128, depth: depth, extremeWeight: weight)
            #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
        }
    }

    @Test("writes only the rows and columns it is asked for", arguments: Kernels.supported)
    func writesOnlyItsRange(kernels: Kernels) {
        var random = RandomSource(seed: 11)
        for _ in 0..<60 {
            var linear = LinearS8Case(rowCount: 9, columnCount: 200, depth: 21, isInPlace: true)
            let rows = [random.below(10), random.below(10)].sorted()
            let first = 64 * random.below(4)
            linear.rows = rows[0]..<rows[1]
            linear.columns = first..<first + random.below(201 - first)
            #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
        }
    }

    @Test("does not saturate at the ends of the code range", arguments: Kernels.supported)
    func doesNotSaturate(kernels: Kernels) {
        for weight in [Int8(127), -127] {
            let linear = LinearS8Case(
                rowCount: 3, columnCount: 33, depth: 1537, hasBias: false, extremeWeight: weight)
            let bits = linear.run(kernels)
            #expect(bits == linear.run(.scalar))
            for (i, exact) in linear.exact().enumerated() {
                let (row, column) = i.quotientAndRemainder(dividingBy: linear.columnCount)
                let y = Float(bitPattern: bits[row * linear.yStride + column])
                #expect(abs(Double(y) - exact) <= 3e-7 * abs(exact))
            }
        }
    }

    @Test("packs to a multiple of 64 bytes", arguments: Kernels.supported)
    func packedSizeIsAligned(kernels: Kernels) {
        for (n, k) in [(0, 5), (5, 0), (1, 1), (17, 33), (384, 1536)] as [(Int64, Int64)] {
            let byteCount = kernels.table.packed_weight_bytes(n, k)
            #expect(byteCount % 64 == 0)
            #expect(byteCount >= n * k)
        }
    }
}
