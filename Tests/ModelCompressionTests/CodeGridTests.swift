import Testing

@testable import ModelCompression

@Suite struct CodeGridTests {
    @Test func scalesAndNearestCodesAreThoseOfNumpy() throws {
        let products = try RoundingReference.read().products
        try #require(products.count == 3)
        for product in products {
            #expect(product.grid.scales == product.scales, "\(product)")
            #expect(
                product.grid.nearestCodes(product.weights, columnCount: product.inputs)
                    == product.nearest, "\(product)")
        }
    }

    @Test func tiesRoundToEvenAndLargeOnesAreClipped() {
        let weights: [Float] = [0.5, 1.5, 2.5, -0.5, -1.5, 9, -9, 3]
        var grid = CodeGrid(limit: 3, weights: weights, columnCount: 8)
        #expect(grid.scales == [3])
        grid.scales = [1]
        #expect(grid.nearestCodes(weights, columnCount: 8) == [0, 2, 2, 0, -2, 3, -3, 3])
    }

    @Test func rowsOfZerosHaveNoScale() {
        let tiny = Float.leastNormalMagnitude
        let weights = [0, -0, tiny, -tiny, 127 * tiny, tiny]
        let grid = CodeGrid(limit: 127, weights: weights, columnCount: 2)
        #expect(grid.scales == [0, 0, tiny])
        #expect(grid.nearestCodes(weights, columnCount: 2) == [0, 0, 0, 0, 127, 1])
    }

    @Test func noScaleIsSmallerThanTheDistance() {
        let weights: [Float] = [1, -0.5, 20, 10]
        let grid = CodeGrid(limit: 10, weights: weights, columnCount: 2, distances: [0.25, 0.25])
        #expect(grid.scales == [0.25, 2])
        #expect(grid.nearestCodes(weights, columnCount: 2) == [4, -2, 10, 5])
    }

    @Test func emptyMatricesHaveEmptyGrids() {
        #expect(CodeGrid(limit: 7, weights: [], columnCount: 0).scales.isEmpty)
        #expect(CodeGrid(limit: 7, weights: [], columnCount: 3).scales.isEmpty)
    }
}
