import Tensors
import Testing

@testable import ModelCompression

@Suite struct RidgeFitTests {
    private func fit(_ reference: RoundingReference.Ridge, ridge: Double? = nil) -> RidgeFit? {
        RidgeFit(
            moments: reference.second, cross: reference.cross, prior: reference.prior,
            ridge: ridge ?? reference.ridge)
    }

    @Test func mapsAreThoseOfStackedLeastSquares() throws {
        let cases = try RoundingReference.read().ridge
        try #require(cases.count == 3)
        for expected in cases {
            let found = try #require(fit(expected))
            #expect(relativeDifference(found.weights, expected.weights) < 1e-9)
            let bias = RidgeFit.bias(
                found.weights, mean: expected.mean, targetMean: expected.targetMean)
            #expect(relativeDifference(bias, expected.bias) < 1e-9)
        }
    }

    @Test func aStrongRidgeKeepsThePrior() throws {
        for expected in try RoundingReference.read().ridge {
            let found = try #require(fit(expected, ridge: 1e12))
            #expect(relativeDifference(found.weights, expected.prior) < 1e-6)
            #expect(relativeDifference(found.weights, expected.weights) > 1e-3)
        }
    }

    @Test func singularMomentsWithoutRidgeHaveNoFit() {
        let fit = RidgeFit(
            moments: SymmetricMatrix(size: 2, values: [1, 1, 1, 1]), cross: [4, 4],
            prior: [0, 0], ridge: 0)
        #expect(fit?.weights == nil)
    }

    @Test func inputsThatNeverVaryKeepThePrior() throws {
        let found = try #require(
            RidgeFit(
                moments: SymmetricMatrix(size: 3, values: [4, 0, 0, 0, 0, 0, 0, 0, 4]),
                cross: [8, 0, 4], prior: [0.5, -1, 0], ridge: 1e-9))
        #expect(relativeDifference(found.weights, [2, -1, 1]) < 1e-6)
        #expect(RidgeFit.bias([2, -1, 1], mean: [1, 10, 2], targetMean: [7]) == [13])
    }

    @Test func nothingIsFittedToNothing() throws {
        let found = try #require(
            RidgeFit(moments: SymmetricMatrix(size: 0), cross: [], prior: [], ridge: 1))
        #expect(found.weights.isEmpty)
    }
}
