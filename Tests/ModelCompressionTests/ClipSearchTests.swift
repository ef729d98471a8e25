import Tensors
import Testing

@testable import ModelCompression

@Suite struct ClipSearchTests {
    @Test func scalesAreThoseOfTryingEveryShare() throws {
        let products = try RoundingReference.read().products
        for product in products {
            var grid = product.grid
            ClipSearch.narrow(&grid, weights: product.weights, moments: product.second)
            #expect(grid.scales == product.clipped, "\(product)")
        }
        #expect(products.contains { $0.clipped != $0.scales })
    }

    @Test func outputErrorsAreThoseOfTheLoop() {
        let product = RandomProduct(outputs: 5, inputs: 7, seed: 31)
        let found = ClipSearch.outputErrors(
            product.weights, product.moments.values.map { Float($0) }, size: 7)
        let expected = outputErrors(
            [Int8](repeating: 0, count: 35), scales: [Float](repeating: 0, count: 5),
            weights: product.weights, moments: product.moments)
        for (error, wanted) in zip(found, expected) {
            #expect(abs(Double(error) - wanted) <= 1e-4 * wanted)
        }
        #expect(found.count == 5)
        #expect(ClipSearch.outputErrors([], [], size: 0).isEmpty)
    }

    @Test func weightsOnTheGridKeepTheirScale() {
        let weights: [Float] = [7, -3, 2, 1, 0, 5, -14, 6, 2]
        var grid = CodeGrid(limit: 7, weights: weights, columnCount: 3)
        let scales = grid.scales
        #expect(scales == [1, 5.0 / 7, 2])
        var moments = SymmetricMatrix(size: 3)
        moments.addToDiagonal(1)
        ClipSearch.narrow(&grid, weights: weights, moments: moments)
        #expect(grid.scales[0] == 1 && grid.scales[2] == 2)
    }

    @Test func anInputThatCountsForNothingIsClipped() {
        // The outlier needs the whole range but is multiplied by zero.
        let weights: [Float] = [10, 0.4, -0.35, 0.3]
        var moments = SymmetricMatrix(size: 4)
        for index in 1..<4 { moments[index, index] = 1 }
        var grid = CodeGrid(limit: 15, weights: weights, columnCount: 4)
        ClipSearch.narrow(&grid, weights: weights, moments: moments)
        #expect(grid.scales[0] < 10.0 / 15)
    }
}
