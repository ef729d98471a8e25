import Tensors
import Testing

@testable import ModelCompression

@Suite struct CoordinateDescentTests {
    private func refined(
        _ product: RoundingReference.Product, sweeps: Int, fitsScales: Bool, costs: [Float]? = nil
    ) -> (codes: [Int8], grid: CodeGrid) {
        var (codes, grid) = (product.nearest, product.grid)
        CoordinateDescent(moments: product.dampedMatrix).refine(
            &codes, grid: &grid, weights: product.weights, sweeps: sweeps,
            fitsScales: fitsScales, codeCosts: costs)
        return (codes, grid)
    }

    @Test func codesAreThoseOfTryingEveryCode() throws {
        for product in try RoundingReference.read().products {
            let (codes, grid) = refined(product, sweeps: 3, fitsScales: false)
            #expect(codes == product.descent, "\(product)")
            #expect(grid.scales == product.scales)
            let errors = outputErrors(
                codes, scales: grid.scales, weights: product.weights,
                moments: product.dampedMatrix)
            for (error, expected) in zip(errors, product.descentErrors) {
                #expect(abs(error - expected) <= 1e-9 * expected)
            }
            let rated = refined(product, sweeps: 1, fitsScales: false, costs: product.costs)
            #expect(rated.codes == product.descentWithCosts, "\(product)")
        }
    }

    @Test func scalesAreThoseOfLeastSquares() throws {
        for product in try RoundingReference.read().products {
            let (codes, grid) = refined(product, sweeps: 3, fitsScales: true)
            #expect(codes == product.fittedDescent, "\(product)")
            for (scale, expected) in zip(grid.scales, product.fittedScales) {
                #expect(abs(Double(scale) - expected) <= 1e-5 * expected, "\(product)")
            }
            let errors = outputErrors(
                codes, scales: grid.scales, weights: product.weights,
                moments: product.dampedMatrix)
            for (error, expected) in zip(errors, product.fittedErrors) {
                #expect(abs(error - expected) <= 1e-4 * expected)
            }
        }
    }

    @Test(arguments: [false, true])
    func noSweepMakesTheErrorLarger(fitsScales: Bool) {
        let product = RandomProduct(outputs: 20, inputs: 30, seed: 21)
        let descent = CoordinateDescent(moments: product.moments)
        let start = CodeGrid(limit: 15, weights: product.weights, columnCount: 30)
        let nearest = start.nearestCodes(product.weights, columnCount: 30)
        var last = outputErrors(
            nearest, scales: start.scales, weights: product.weights, moments: product.moments)
        let first = last
        for sweeps in 1...5 {
            var (codes, grid) = (nearest, start)
            descent.refine(
                &codes, grid: &grid, weights: product.weights, sweeps: sweeps,
                fitsScales: fitsScales)
            let errors = outputErrors(
                codes, scales: grid.scales, weights: product.weights, moments: product.moments)
            for (error, before) in zip(errors, last) { #expect(error <= before * (1 + 1e-4)) }
            last = errors
        }
        #expect(last.reduce(0, +) < 0.8 * first.reduce(0, +))
    }

    @Test func noSweepsChangeNothing() throws {
        let product = try #require(try RoundingReference.read().products.first)
        let (codes, grid) = refined(product, sweeps: 0, fitsScales: true)
        #expect(codes == product.nearest && grid.scales == product.scales)
    }

    @Test func codesStayWithinTheLimitAndZeroRowsStayZero() {
        let product = RandomProduct(outputs: 8, inputs: 12, seed: 23)
        var weights = product.weights
        for index in 0..<12 { weights[index] = 0 }
        var grid = CodeGrid(limit: 3, weights: weights, columnCount: 12)
        for row in 1..<8 { grid.scales[row] *= 0.4 }
        var codes = grid.nearestCodes(weights, columnCount: 12)
        CoordinateDescent(moments: product.moments).refine(
            &codes, grid: &grid, weights: weights, sweeps: 4, fitsScales: false)
        #expect(codes[..<12].allSatisfy { $0 == 0 } && grid.scales[0] == 0)
        #expect(codes.allSatisfy { abs($0) <= 3 } && codes.contains(3) && codes.contains(-3))
    }

    @Test func threadsChangeNothing() {
        let product = RandomProduct(outputs: 60, inputs: 18, seed: 25)
        let start = CodeGrid(limit: 31, weights: product.weights, columnCount: 18)
        let found = [1, 6].map { threads -> ([Int8], [Float]) in
            Parallel.threadCount = threads
            var grid = start
            var codes = grid.nearestCodes(product.weights, columnCount: 18)
            CoordinateDescent(moments: product.moments).refine(
                &codes, grid: &grid, weights: product.weights, sweeps: 3, fitsScales: true)
            return (codes, grid.scales)
        }
        #expect(found[0] == found[1])
    }
}
