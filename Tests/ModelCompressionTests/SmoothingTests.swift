import Tensors
import Testing

@testable import ModelCompression

@Suite struct SmoothingTests {
    private func grid(_ weight: Tensor) -> CodeGrid {
        CodeGrid(limit: 127, weights: weight.values, columnCount: weight.columnCount)
    }

    @Test func divisorsAreThoseOfNumpy() throws {
        let cases = try RoundingReference.read().smoothing
        try #require(cases.count == 2)
        for expected in cases {
            for (exponent, divisors) in zip(expected.exponents, expected.divisors) {
                let smoothing = Smoothing(
                    exponent: exponent, input: expected.input, rows: 0..<expected.rows,
                    weights: expected.weightTensors)
                let found = try #require(smoothing.divisors)
                try #require(found.count == divisors.count)
                for (divisor, wanted) in zip(found, divisors) {
                    #expect(abs(Double(divisor) - wanted) <= 1e-5 * wanted)
                }
            }
        }
    }

    @Test func theSearchFindsTheBestExponent() throws {
        let cases = try RoundingReference.read().smoothing
        for expected in cases {
            let found = try Smoothing.search(
                input: expected.input, rows: 0..<expected.rows, weights: expected.weightTensors,
                grid: grid, isStatic: false)
            #expect(found.exponent == expected.best)
        }
        #expect(Set(cases.map(\.best)).count == 2)
    }

    /// A column of large values leaves the others few codes of a range that all rows share; where
    /// they lie in rows of their own, ranges of rows need no smoothing.
    @Test func oneRangeForAllRowsNeedsMoreSmoothing() throws {
        var input = SmallModel.random([64, 8], seed: 1)
        for row in 0..<64 where row % 8 == 0 { input.values[row * 8 + 3] = 60 }
        let weight = SmallModel.random([16, 8], seed: 2)
        let exponents = try [false, true].map { isStatic in
            try Smoothing.search(
                input: input, rows: 0..<64, weights: [weight], grid: grid, isStatic: isStatic
            ).exponent
        }
        #expect(exponents[1] > exponents[0], "\(exponents)")
    }

    @Test func anExponentOfZeroIsNone() throws {
        let expected = try #require(try RoundingReference.read().smoothing.first)
        let none = Smoothing(
            exponent: 0, input: expected.input, rows: 0..<expected.rows,
            weights: expected.weightTensors)
        #expect(none.divisors == nil && none.multipliers == nil)
        #expect(none.apply(to: expected.weightTensors[0]) == expected.weightTensors[0])
    }

    @Test func productsOfSmoothedNumbersAreThoseOfTheOthers() throws {
        let expected = try #require(try RoundingReference.read().smoothing.last)
        let smoothing = Smoothing(
            exponent: 0.5, input: expected.input, rows: 0..<expected.rows,
            weights: expected.weightTensors)
        let multipliers = try #require(smoothing.multipliers)
        var input = expected.input
        for index in input.values.indices { input.values[index] *= multipliers[index % 8] }
        for weight in expected.weightTensors {
            let exact = try MatrixProduct.linear(expected.input, weight: weight)
            let found = try MatrixProduct.linear(input, weight: smoothing.apply(to: weight))
            #expect(exact.signalToNoiseRatio(ofApproximation: found) > 120)
            #expect(smoothing.apply(to: weight) != weight)
        }
    }

    @Test func onlyTheGivenRowsCount() throws {
        let expected = try #require(try RoundingReference.read().smoothing.first)
        var input = expected.input
        for column in 0..<8 { input.values[column] = 1e6 }
        let some = Smoothing(
            exponent: 0.5, input: input, rows: 1..<expected.rows, weights: expected.weightTensors)
        let same = Smoothing(
            exponent: 0.5, input: expected.input, rows: 1..<expected.rows,
            weights: expected.weightTensors)
        let all = Smoothing(
            exponent: 0.5, input: input, rows: 0..<expected.rows, weights: expected.weightTensors)
        #expect(some.divisors == same.divisors && some.divisors != all.divisors)
    }
}
