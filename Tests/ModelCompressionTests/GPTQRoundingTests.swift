import Tensors
import Testing

@testable import ModelCompression

@Suite struct GPTQRoundingTests {
    @Test func codesAreThoseOfOptimalBrainSurgery() throws {
        for product in try RoundingReference.read().products {
            let rounding = try #require(GPTQRounding(moments: product.second))
            #expect(
                rounding.codes(product.weights, grid: product.grid) == product.gptq, "\(product)")
            #expect(
                rounding.codes(product.weights, grid: product.grid, codeCosts: product.costs)
                    == product.gptqWithCosts, "\(product)")
        }
    }

    @Test func independentInputsGetTheNearestCodes() throws {
        let product = RandomProduct(outputs: 9, inputs: 20, seed: 3)
        var moments = SymmetricMatrix(size: 20)
        for index in 0..<20 { moments[index, index] = Double(index % 5) }
        let grid = CodeGrid(limit: 31, weights: product.weights, columnCount: 20)
        let rounding = try #require(GPTQRounding(moments: moments))
        #expect(
            rounding.codes(product.weights, grid: grid)
                == grid.nearestCodes(product.weights, columnCount: 20))
    }

    @Test(arguments: [(1, 1), (3, 8), (17, 40), (40, 33)])
    func errorsOfTheOutputBecomeSmaller(outputs: Int, inputs: Int) throws {
        let product = RandomProduct(outputs: outputs, inputs: inputs, seed: 5)
        let grid = CodeGrid(limit: 7, weights: product.weights, columnCount: inputs)
        let rounding = try #require(GPTQRounding(moments: product.moments))
        let codes = rounding.codes(product.weights, grid: grid)
        #expect(codes.allSatisfy { abs($0) <= 7 })
        func total(_ codes: [Int8]) -> Double {
            outputErrors(
                codes, scales: grid.scales, weights: product.weights, moments: product.moments
            ).reduce(0, +)
        }
        let nearest = total(grid.nearestCodes(product.weights, columnCount: inputs))
        if inputs == 1 {
            #expect(total(codes) == nearest)
        } else {
            #expect(total(codes) < 0.8 * nearest)
        }
    }

    @Test func threadsChangeNothing() throws {
        let product = RandomProduct(outputs: 100, inputs: 24, seed: 9)
        let grid = CodeGrid(limit: 15, weights: product.weights, columnCount: 24)
        let rounding = try #require(GPTQRounding(moments: product.moments))
        Parallel.threadCount = 1
        let alone = rounding.codes(product.weights, grid: grid)
        Parallel.threadCount = 5
        #expect(rounding.codes(product.weights, grid: grid) == alone)
    }

    @Test func rowsWithoutAScaleStayZero() throws {
        let product = RandomProduct(outputs: 2, inputs: 6, seed: 11)
        let weights = product.weights[..<6] + [Float](repeating: 0, count: 6)
        let grid = CodeGrid(limit: 7, weights: Array(weights), columnCount: 6)
        let rounding = try #require(GPTQRounding(moments: product.moments))
        let codes = rounding.codes(Array(weights), grid: grid)
        #expect(codes[..<6].contains { $0 != 0 } && codes[6...].allSatisfy { $0 == 0 })
    }

    /// With D for the diagonal of Cholesky's factor of the inverse, the cost is the mean of 1 / D².
    @Test func theCostOfAnErrorIsThatOfTheInverse() throws {
        var moments = SymmetricMatrix(size: 2)
        moments[0, 0] = 4
        moments[1, 1] = 1
        let rounding = try #require(GPTQRounding(moments: moments, damping: 0))
        #expect(abs(rounding.meanErrorCost - 2.5) < 1e-6)
        moments[0, 1] = 1
        moments[1, 0] = 1
        // H⁻¹ = [1, −1; −1, 4] / 3 in the order of the diagonal: U² is 1/3, then 1.
        let joined = try #require(GPTQRounding(moments: moments, damping: 0))
        #expect(abs(joined.meanErrorCost - 2) < 1e-6)
        #expect(try #require(GPTQRounding(moments: SymmetricMatrix(size: 0))).meanErrorCost == 0)
    }

    @Test func momentsThatAreNotFiniteHaveNoSolver() {
        var moments = SymmetricMatrix(size: 2, values: [1, 0, 0, 1])
        moments[1, 1] = .nan
        #expect(GPTQRounding(moments: moments)?.meanErrorCost == nil)
    }

    @Test func inputsThatAreAlwaysZeroAreRoundedAlone() throws {
        let rounding = try #require(GPTQRounding(moments: SymmetricMatrix(size: 3)))
        let weights: [Float] = [1, 0.3, -0.6]
        let grid = CodeGrid(limit: 3, weights: weights, columnCount: 3)
        #expect(rounding.codes(weights, grid: grid) == [3, 1, -2])
    }
}
