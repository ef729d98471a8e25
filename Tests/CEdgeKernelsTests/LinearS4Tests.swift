import CEdgeKernels
import Testing

@Suite("linear_s4")
struct LinearS4Tests {
    private func linear(
        _ rowCount: Int, _ columnCount: Int, _ depth: Int,
        _ change: (inout LinearS8Case) -> Void = { _ in }
    ) -> LinearS8Case {
        var linear = LinearS8Case(rowCount: rowCount, columnCount: columnCount, depth: depth)
        linear.isS4 = true
        change(&linear)
        return linear
    }

    @Test("agrees with exact integer arithmetic", arguments: Kernels.supported)
    func agreesWithExactArithmetic(kernels: Kernels) {
        let cases = [
            linear(3, 19, 37) { $0.hasResidual = true },
            linear(5, 130, 64) { $0.hasBias = false },
            linear(1, 7, 1000) { $0.isInPlace = true },
            // All codes and multipliers at an end: the largest sums that packing lets through.
            linear(3, 33, 1537) { $0.extremeWeight = 127 },
            linear(2, 65, 8288) { $0.extremeWeight = -127 },
            linear(37, 130, 600) { $0.isNarrow = true },
            linear(16, 33, 1537) {
                $0.isNarrow = true
                $0.extremeWeight = 127
            },
            linear(33, 65, 80) {
                $0.isNarrow = true
                $0.extremeWeight = -127
            },
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
            let activation = LinearS8Tests.activations[size % 7]
            let cases = [
                linear(1 + size % 7, size, 1 + size * 29 % 67),
                linear(1 + size % 9, 1 + size * 31 % 150, size) {
                    $0.hasBias = false
                    $0.hasResidual = true
                    $0.activation = activation
                },
                linear(size, 1 + size * 37 % 70, 1 + size * 5 % 40) {
                    $0.isInPlace = true
                    $0.activation = activation
                },
                linear(size, 1 + size * 41 % 150, 1 + size * 61 % 300) {
                    $0.isNarrow = true
                    $0.activation = activation
                },
            ]
            for linear in cases {
                #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
            }
        }
    }

    @Test("returns the bits of the scalar table beyond a block", arguments: Kernels.supported)
    func agreesBeyondABlock(kernels: Kernels) {
        let cases = [
            linear(2, 66, 513) { $0.hasResidual = true },
            linear(35, 330, 1100) { $0.activation = EDGEK_ACTIVATION_GELU },
            linear(67, 300, 70) {
                $0.rows = 3..<66
                $0.columns = 64..<299
            },
            linear(35, 330, 1100) { $0.isNarrow = true },
            linear(99, 129, 320) {
                $0.isNarrow = true
                $0.rows = 3..<96
                $0.columns = 64..<128
            },
            // More groups than sums are kept for, but for one row at a time.
            linear(3, 20, 70_000),
        ]
        for linear in cases {
            #expect(linear.run(kernels) == linear.run(.scalar), "\(linear)")
        }
    }

    @Test func packingRefusesWhatIsOutOfRange() {
        func firstBad(_ change: (inout [Int8], inout [Int8]) -> Void, depth: Int = 40) -> Int64 {
            let groups = (depth + 31) / 32
            var codes = [Int8](repeating: 7, count: 3 * depth)
            var multipliers = [Int8](repeating: 127, count: 3 * groups)
            change(&codes, &multipliers)
            return Arena.with(seed: depth) { arena in
                let packed = arena.bytes(Int(edgek_packed_s4_bytes(3, Int64(depth))))
                let sums = arena.zeros(3, of: Int32.self)
                edgek_clear_packed_s4(packed, 3, Int64(depth))
                return edgek_pack_s4(codes, multipliers, 0, 3, 3, Int64(depth), packed, sums)
            }
        }
        #expect(firstBad { _, _ in } == -1)
        #expect(firstBad { codes, _ in codes[79] = 8 } == 1)
        #expect(firstBad { codes, _ in codes[80] = -9 } == 2)
        #expect(firstBad { codes, _ in codes[0] = -128 } == 0)
        #expect(firstBad { _, multipliers in multipliers[3] = -128 } == 1)
        // 255 · 7 · 127 · 9474 is the first of these sums that leaves int32.
        #expect(firstBad({ _, _ in }, depth: 9473) == -1)
        #expect(firstBad({ _, _ in }, depth: 9474) == 0)
    }

    @Test("packs to a multiple of 64 bytes")
    func packedSizeIsAligned() {
        for (n, k) in [(0, 5), (5, 0), (1, 1), (17, 33), (384, 1536)] as [(Int64, Int64)] {
            let byteCount = edgek_packed_s4_bytes(n, k)
            #expect(byteCount % 64 == 0)
            #expect(byteCount * 2 >= n * k)
        }
    }
}
