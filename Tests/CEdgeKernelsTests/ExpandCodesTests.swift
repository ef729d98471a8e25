import CEdgeKernels
import Testing

@Suite("Packed codes")
struct ExpandCodesTests {
    /// Random codes, of which about one in `period` is not zero.
    private func codes(_ count: Int, period: Int, _ random: inout RandomSource) -> [Int8] {
        (0..<count).map { _ in
            guard period > 0, random.below(period) == 0 else { return 0 }
            let code = random.code(lowest: -128)
            return code == 0 ? 1 : code
        }
    }

    private func mask(of codes: [Int8]) -> [UInt8] {
        var mask = [UInt8](repeating: 0, count: (codes.count + 7) / 8)
        for (index, code) in codes.enumerated() where code != 0 {
            mask[index / 8] |= 1 << UInt8(index % 8)
        }
        return mask
    }

    @Test(
        "values return to their places, from elsewhere and in place", arguments: Kernels.supported)
    func valuesReturn(kernels: Kernels) {
        var random = RandomSource(seed: 81)
        for count in Array(0...80) + [1000, 4096, 4099] {
            for period in [0, 1, 2, 3, 10, 60] {
                let expected = codes(count, period: period, &random)
                let values = expected.filter { $0 != 0 }
                Arena.with(seed: count) { arena in
                    let mask = arena.copy(mask(of: expected))
                    let separate = arena.copy([Int8](repeating: 0x55, count: count))
                    kernels.table.expand_codes(
                        mask, Int64(count), arena.copy(values), Int64(values.count), separate)
                    #expect((0..<count).map { separate[$0] } == expected)

                    let zeroCount = count - values.count
                    let inPlace = arena.copy([Int8](repeating: 0x55, count: zeroCount) + values)
                    kernels.table.expand_codes(
                        mask, Int64(count), inPlace + zeroCount, Int64(values.count), inPlace)
                    #expect((0..<count).map { inPlace[$0] } == expected)
                }
            }
        }
    }

    @Test("places in runs, at either end and everywhere", arguments: Kernels.supported)
    func runsReturn(kernels: Kernels) {
        for count in [7, 8, 9, 64, 100] {
            for start in 0..<count {
                for end in [start + 1, (start + count + 1) / 2, count] where end > start {
                    var expected = [Int8](repeating: 0, count: count)
                    for index in start..<end { expected[index] = Int8(index % 127 + 1) }
                    Arena.with(seed: start) { arena in
                        let zeroCount = count - (end - start)
                        let codes = arena.copy(
                            [Int8](repeating: -1, count: zeroCount) + expected[start..<end])
                        kernels.table.expand_codes(
                            arena.copy(mask(of: expected)), Int64(count), codes + zeroCount,
                            Int64(end - start), codes)
                        #expect((0..<count).map { codes[$0] } == expected)
                    }
                }
            }
        }
    }
}
