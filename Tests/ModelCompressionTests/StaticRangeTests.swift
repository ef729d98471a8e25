import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// The range that the codes of all rows span.
@Suite struct StaticRangeTests {
    private func error(
        _ x: Tensor, _ range: ClosedRange<Float>, _ weight: Tensor
    ) throws -> Double {
        let exact = try MatrixProduct.linear(x, weight: weight)
        let found = try MatrixProduct.linear(
            x.roundedToCodes(multipliers: nil, range: range), weight: weight)
        return exact.squaredDistance(to: found)
    }

    @Test func theWholeRangeHoldsAllValuesAndZero() {
        func whole(_ values: [Float]) -> ClosedRange<Float>? {
            StaticRange.whole(Tensor(shape: [1, values.count], values: values))
        }
        #expect(whole([3, -2, 1]) == -2...3)
        #expect(whole([3, 1]) == 0...3)
        #expect(whole([-3, -1]) == -3...0)
        #expect(whole([0x1p-100]) == 0...0x1p-100)
    }

    @Test func whatCodesCannotSpanHasNoRange() throws {
        for values in [[], [0, -0.0], [0x1p-102, -0x1p-102], [3e38, -3e38]] as [[Float]] {
            let x = Tensor(shape: [1, values.count], values: values)
            #expect(StaticRange.whole(x) == nil)
            let weight = Tensor(zeros: [2, values.count])
            #expect(try StaticRange.search(x, weights: [weight]) == nil)
        }
    }

    @Test func evenValuesKeepTheirRange() throws {
        let x = SmallModel.random([64, 8], seed: 1)
        let weight = SmallModel.random([4, 8], seed: 2)
        #expect(try StaticRange.search(x, weights: [weight]) == StaticRange.whole(x))
    }

    /// One huge value that the product hardly reads is not worth coarse codes for all others; where
    /// the product reads little else, it is.
    @Test func tailsAreCutWhereTheProductAllowsIt() throws {
        var x = SmallModel.random([256, 8], seed: 3)
        x.values[5 * 8 + 2] = 40
        x.values[9 * 8 + 3] = -0.5
        var weight = SmallModel.random([4, 8], seed: 4)
        for row in 0..<4 { weight.values[row * 8 + 2] = 1e-3 }
        let whole = try #require(StaticRange.whole(x))
        let cut = try #require(try StaticRange.search(x, weights: [weight]))
        #expect(cut.upperBound < 0.3 * whole.upperBound)
        #expect(try error(x, cut, weight) < 0.2 * error(x, whole, weight))
        for row in 0..<4 { weight.values[row * 8 + 2] = 100 }
        let kept = try #require(try StaticRange.search(x, weights: [weight]))
        #expect(kept.upperBound == whole.upperBound)
    }

    /// No pair of the factors that are tried together or one end at a time is better.
    @Test(arguments: [5, 6, 7] as [UInt64])
    func noRangeThatWasTriedIsBetter(seed: UInt64) throws {
        var x = SmallModel.random([128, 6], seed: seed)
        for index in x.values.indices { x.values[index] *= x.values[index] * x.values[index] }
        let weights = [
            SmallModel.random([3, 6], seed: seed + 10), SmallModel.random([5, 6], seed: seed + 20),
        ]
        let whole = try #require(StaticRange.whole(x))
        let found = try #require(try StaticRange.search(x, weights: weights))
        func total(_ range: ClosedRange<Float>) throws -> Double {
            try weights.reduce(0) { try $0 + error(x, range, $1) }
        }
        let best = try total(found)
        for factor in [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2] as [Float] {
            let (low, high) = (factor * whole.lowerBound, factor * whole.upperBound)
            for range in [low...high, low...found.upperBound] {
                #expect(best <= (try total(range)) * 1.0001, "\(range)")
            }
        }
    }
}
