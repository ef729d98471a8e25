import CEdgeKernels
import Testing

@Suite("Packed weights")
struct PackingTests {
    @Test(
        "the first row with a code of −128 is named, and sums are right",
        arguments: Kernels.supported)
    func forbiddenCodes(kernels: Kernels) {
        var random = RandomSource(seed: 82)
        for (rowCount, depth) in [(1, 1), (15, 16), (16, 16), (33, 37), (70, 200), (64, 1536)] {
            let codes = (0..<rowCount * depth).map { _ in random.code(lowest: -127) }
            for forbidden in [[], [rowCount - 1], [rowCount / 2, rowCount - 1], [0]] {
                var stored = codes
                for row in forbidden { stored[row * depth + random.below(depth)] = -128 }
                Arena.with(seed: rowCount) { arena in
                    let (n, k) = (Int64(rowCount), Int64(depth))
                    let packed = arena.bytes(Int(kernels.table.packed_weight_bytes(n, k)))
                    let sums = arena.zeros(rowCount, of: Int32.self)
                    kernels.table.clear_packed_weights(packed, n, k)
                    let found = kernels.table.pack_weights(
                        arena.copy(stored), 0, n, n, k, packed, sums)
                    #expect(found == forbidden.first.map { Int64($0) } ?? -1)
                    for row in 0..<rowCount {
                        let expected = stored[row * depth..<(row + 1) * depth].reduce(0) {
                            $0 + Int32($1)
                        }
                        #expect(sums[row] == expected)
                    }
                }
            }
        }
    }
}
