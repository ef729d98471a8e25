import Tensors
import Testing

@testable import ModelCompression

@Suite struct RidgeFitTests {
    private func fit(
        _ reference: RoundingReference.Ridge, ridge: Double? = nil
    ) -> RidgeFit? {
        RidgeFit(
            moments: SymmetricMatrix(size: reference.inputs, values: reference.moments),
            cross: reference.cross, mean: reference.mean, targetMean: reference.targetMean,
            rowCount: reference.rows, prior: reference.prior, ridge: ridge ?? reference.ridge)
    }

    private func difference(_ found: [Double], _ expected: [Double]) -> Double {
        guard found.count == expected.count else { return .infinity }
        let largest = expected.reduce(0) { max($0, $1.magnitude) }
        return zip(found, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) } / largest
    }

    @Test func mapsAreThoseOfStackedLeastSquares() throws {
        let cases = try RoundingReference.read().ridge
        try #require(cases.count == 3)
        for expected in cases {
            let found = try #require(fit(expected))
            #expect(difference(found.weights, expected.weights) < 1e-9)
            #expect(difference(found.bias, expected.bias) < 1e-9)
        }
    }

    @Test func aStrongRidgeKeepsThePrior() throws {
        for expected in try RoundingReference.read().ridge {
            let found = try #require(fit(expected, ridge: 1e12))
            #expect(difference(found.weights, expected.prior) < 1e-6)
            #expect(difference(found.weights, expected.weights) > 1e-3)
        }
    }

    @Test func singularMomentsWithoutRidgeHaveNoFit() {
        let fit = RidgeFit(
            moments: SymmetricMatrix(size: 2, values: [8, 4, 4, 2]), cross: [4, 2],
            mean: [0, 0], targetMean: [0], rowCount: 2, prior: [0, 0], ridge: 0)
        #expect(fit?.weights == nil)
    }

    @Test func constantInputsKeepThePriorAndGetABias() throws {
        // x is always (1, 2), t always 7: nothing is known about the weights.
        let found = try #require(
            RidgeFit(
                moments: SymmetricMatrix(size: 2, values: [3, 6, 6, 12]), cross: [21, 42],
                mean: [1, 2], targetMean: [7], rowCount: 3, prior: [0.5, -1], ridge: 0.1))
        #expect(difference(found.weights, [0.5, -1]) < 1e-6)
        #expect(difference(found.bias, [8.5]) < 1e-6)
    }
}
