import Tensors
import Testing

@Suite struct CholeskyFactorTests {
    @Test func factorsInversesAndSolutionsAreThoseOfNumpy() throws {
        let cases = try LinearAlgebraReference.read().definite
        try #require(cases.count == 3)
        for expected in cases {
            let factor = try #require(
                CholeskyFactor(SymmetricMatrix(size: expected.size, values: expected.matrix)))
            #expect(factor.size == expected.size)
            #expect(relativeDifference(factor.lower, expected.lower) < 1e-13)
            #expect(relativeDifference(factor.inverse.values, expected.inverse) < 1e-11)
            #expect(
                relativeDifference(factor.solve(expected.right), expected.solution) < 1e-11)
        }
    }

    @Test func whatLiesAboveTheDiagonalIsZero() throws {
        let matrix = SymmetricMatrix(size: 2, values: [4, 2, 2, 10])
        let factor = try #require(CholeskyFactor(matrix))
        #expect(factor.lower == [2, 0, 1, 3])
        let inverse = factor.inverse
        #expect(inverse[0, 1] == inverse[1, 0])
        let expected = [10, -2, -2, 4].map { $0 / 36.0 }
        #expect(relativeDifference(inverse.values, expected) < 1e-15)
    }

    @Test(
        "A matrix that is not positive definite has no factor",
        arguments: [
            [1, 2, 2, 1], [0, 0, 0, 0], [-1, 0, 0, 1], [1, 1, 1, 1],
            [.nan, 0, 0, 1], [1, .nan, .nan, 1], [1, .infinity, .infinity, 1],
        ] as [[Double]])
    func indefiniteMatricesHaveNoFactor(values: [Double]) {
        let factor = CholeskyFactor(SymmetricMatrix(size: 2, values: values))
        #expect(factor?.lower == nil)
    }

    @Test func nothingIsSolvedByNothing() throws {
        let empty = try #require(CholeskyFactor(SymmetricMatrix(size: 0)))
        #expect(empty.lower.isEmpty && empty.inverse.size == 0 && empty.solve([]).isEmpty)
        let one = try #require(CholeskyFactor(SymmetricMatrix(size: 1, values: [4])))
        #expect(one.solve([]).isEmpty)
        #expect(one.solve([8, 2]) == [2, 0.5])
    }
}
