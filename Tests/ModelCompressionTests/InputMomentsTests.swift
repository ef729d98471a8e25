import Tensors
import Testing

@testable import ModelCompression

@Suite struct InputMomentsTests {
    @Test func momentsAreThoseOfNumpy() throws {
        for product in try RoundingReference.read().products {
            let moments = InputMoments(product.input, rows: 0..<product.rows)
            #expect(moments.rowCount == product.rows)
            let largest = product.second.diagonal.max() ?? 0
            for (found, expected) in zip(moments.second.values, product.moments) {
                #expect(abs(found - expected) <= 1e-6 * largest)
            }
            for (found, expected) in zip(moments.mean, product.mean) {
                #expect(abs(found - expected) <= 1e-12 * largest)
            }
            #expect(moments.cross == nil && moments.originalMean == nil)
        }
    }

    @Test func crossMomentsPairTheRows() {
        let input = Tensor(shape: [3, 2], values: [1, 2, 3, 4, 5, 6])
        let original = Tensor(shape: [3, 3], values: [1, 0, -1, 2, 1, 0, 0, 3, 1])
        let moments = InputMoments(input, original: original, rows: 1..<3)
        #expect(moments.rowCount == 2)
        #expect(moments.second.values == [34, 42, 42, 52])
        #expect(moments.mean == [4, 5])
        #expect(moments.originalMean == [1, 2, 0.5])
        #expect(moments.cross == [6, 8, 18, 22, 5, 6])
    }

    @Test func noRowsHaveNoMoments() {
        let moments = InputMoments(Tensor(zeros: [2, 2]), rows: 1..<1)
        #expect(moments.rowCount == 0 && moments.second.values == [0, 0, 0, 0])
        #expect(moments.mean == [0, 0])
    }
}
