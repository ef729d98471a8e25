import Tensors
import Testing

@Suite struct SingularValuesTests {
    private func transposed(_ values: [Double], rows: Int, columns: Int) -> [Double] {
        (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
    }

    /// The product of the first `rank` vectors.
    private func product(
        _ found: SingularValues, rank: Int, rows: Int, columns: Int
    ) -> [Double] {
        (0..<rows * columns).map { index in
            let (row, column) = (index / columns, index % columns)
            return (0..<rank).reduce(0.0) { sum, k in
                sum + found.left[row * found.values.count + k] * found.values[k]
                    * found.right[k * columns + column]
            }
        }
    }

    @Test func valuesAndTruncationsAreThoseOfNumpy() throws {
        let cases = try LinearAlgebraReference.read().singularValues
        try #require(cases.count == 3)
        for expected in cases {
            let (rows, columns) = (expected.rows, expected.columns)
            let found = try #require(
                SingularValues(expected.matrix, rows: rows, columns: columns))
            #expect(relativeDifference(found.values, expected.values) < 1e-13)
            #expect(found.values == found.values.sorted(by: >))
            let rank = min(rows, columns)
            #expect(found.left.count == rows * rank && found.right.count == rank * columns)
            let whole = product(found, rank: rank, rows: rows, columns: columns)
            #expect(relativeDifference(whole, expected.matrix) < 1e-13)
            let truncated = product(found, rank: expected.kept, rows: rows, columns: columns)
            #expect(relativeDifference(truncated, expected.truncated) < 1e-12)
            #expect(relativeDifference(truncated, expected.matrix) > 1e-3)
        }
    }

    @Test func vectorsAreOrthonormal() throws {
        for expected in try LinearAlgebraReference.read().singularValues {
            let (rows, columns) = (expected.rows, expected.columns)
            let found = try #require(
                SingularValues(expected.matrix, rows: rows, columns: columns))
            let rank = found.values.count
            let identity = (0..<rank * rank).map { $0 / rank == $0 % rank ? 1.0 : 0 }
            let left = transposed(found.left, rows: rows, columns: rank)
            for (vectors, length) in [(left, rows), (found.right, columns)] {
                let products = MatrixProduct.multiply(
                    vectors, vectors, transposed: true, rows: rank, columns: rank, depth: length)
                #expect(relativeDifference(products, identity) < 1e-13)
            }
        }
    }

    @Test func matricesWithoutElementsHaveNoValues() throws {
        for (rows, columns) in [(0, 0), (0, 4), (3, 0)] {
            let found = try #require(SingularValues([], rows: rows, columns: columns))
            #expect(found.values.isEmpty && found.left.isEmpty && found.right.isEmpty)
        }
    }

    @Test(arguments: [Double.nan, .infinity])
    func numbersThatAreNotFiniteHaveNone(value: Double) {
        #expect(SingularValues([1, 2, value, 4], rows: 2, columns: 2)?.values == nil)
    }
}
