import CEdgeKernels
import Testing

@Suite("Peak of the multipliers")
struct PeakTests {
    /// Accumulators, instructions on each in a round, products of one instruction.
    private static let products: [String: Int64] = [
        "scalar": 1024,
        "sse4": 8 * 16, "avx2": 8 * 32, "avxvnni": 12 * 32, "avx512vnni": 16 * 64,
        "neon": 8 * 4 * 16, "dotprod": 16 * 4 * 16, "i8mm": 16 * 4 * 32,
    ]

    // The functions do not know these numbers: they return what their accumulators counted.
    @Test("a round does as many products as its instructions have", arguments: Kernels.supported)
    func aRoundDoesItsProducts(kernels: Kernels) throws {
        #expect(kernels.table.multiply_peak(1) == (try #require(Self.products[kernels.name])))
    }

    @Test("the count is proportional to the rounds", arguments: Kernels.supported)
    func theCountIsProportional(kernels: Kernels) {
        let one = kernels.table.multiply_peak(1)
        for rounds in [0, 2, 3, 17, 1000, 12345] as [Int64] {
            #expect(kernels.table.multiply_peak(rounds) == rounds * one)
        }
        #expect(kernels.table.multiply_peak(-1) == 0)
    }

    /// An accumulator of 32 bits counts up to 2³² of the 2²⁴ · 4 … 32 products that it gets.
    @Test("the largest number of rounds does not overflow")
    func theLargestNumberOfRounds() {
        let table = Kernels.fastest.table
        #expect(table.multiply_peak(1 << 24) == table.multiply_peak(1) << 24)
    }
}
