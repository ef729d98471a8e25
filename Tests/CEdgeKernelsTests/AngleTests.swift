import CEdgeKernels
import Testing

@Suite("Angles of rotary positions")
struct AngleTests {
    private func angles(
        _ frequencies: [Float], first: Int, rows: Int, factor: Float = 1
    ) -> [Float] {
        var y = [Float](repeating: 0, count: rows * 2 * frequencies.count)
        edgek_angles(
            frequencies, Int64(frequencies.count), Int64(first), Int64(rows), factor, &y)
        return y
    }

    @Test("cosines and sines are off by half a unit in the last place and a little")
    func agreesWithDouble() {
        let frequencies = (0..<32).map { Float(exponential(-Double($0) * 0.2878)) } + [0, 2, -1]
        let count = frequencies.count
        for first in [0, 1, 100, 1000, 32_000, 131_072, 500_000] {
            let y = angles(frequencies, first: first, rows: 40)
            for row in 0..<40 {
                for (i, frequency) in frequencies.enumerated() {
                    let angle = Double(Float(first + row) * frequency)
                    for (found, exact) in [
                        (y[row * 2 * count + i], exactCosine(angle)),
                        (y[(row * 2 + 1) * count + i], exactSine(angle)),
                    ] {
                        #expect(abs(Double(found) - exact) <= 0.501 * Double(Float(exact).ulp))
                    }
                }
            }
        }
    }

    @Test("both are multiplied by the factor, rounded once more")
    func multipliesByFactor() {
        let plain = angles([1, 0.25], first: 3, rows: 2)
        let scaled = angles([1, 0.25], first: 3, rows: 2, factor: 1.25)
        #expect(scaled == plain.map { $0 * 1.25 })
    }

    @Test("angles out of reach are not numbers")
    func outOfReach() {
        #expect(angles([0x1p20], first: 1, rows: 1).allSatisfy { $0.isNaN })
        #expect(angles([.nan], first: 1, rows: 1).allSatisfy { $0.isNaN })
        #expect(angles([-0x1p20], first: 1, rows: 1).allSatisfy { $0.isNaN })
    }
}
