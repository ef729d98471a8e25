import Foundation
import Tensors
import Testing

@testable import ModelCompression

/// Decompositions against numpy (tools/make_reference_low_rank.py).
@Suite struct LowRankTests {
    private struct Cases: Decodable {
        var products: [Product]
        var tables: [Table]
    }

    private struct Product: Decodable {
        var input: [[Float]]
        var weight: [[Float]]
        var bias: [Float]
        var moments: [[Double]]
        var rank: Int
        var singularValues: [Double]
        var product: [[Double]]
        var outerNorms: [Double]
        var innerNorms: [Double]
        var fittedBias: [Double]
        var lostEnergy: Double
        var outputError: Double
    }

    private struct Table: Decodable {
        var table: [[Float]]
        var rank: Int
        var singularValues: [Double]
        var product: [[Double]]
        var weightNorms: [Double]
    }

    private let cases: Cases

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/low-rank/low-rank.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        cases = try decoder.decode(Cases.self, from: Data(contentsOf: file))
    }

    private func tensor(_ rows: [[Float]]) -> Tensor {
        Tensor(shape: [rows.count, rows[0].count], values: rows.flatMap { $0 })
    }

    private func expectClose(
        _ found: [Double], _ expected: [Double], within tolerance: Double = 1e-9,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.count == expected.count, sourceLocation: sourceLocation)
        let scale = expected.reduce(0) { max($0, abs($1)) }
        let distance = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(distance <= tolerance * scale, sourceLocation: sourceLocation)
    }

    private func norms(
        _ matrix: [Double], rows: Int, columns: Int, ofRows: Bool
    ) -> [Double] {
        var squares = [Double](repeating: 0, count: ofRows ? rows : columns)
        for row in 0..<rows {
            for column in 0..<columns {
                let value = matrix[row * columns + column]
                squares[ofRows ? row : column] += value * value
            }
        }
        return squares.map { $0.squareRoot() }
    }

    @Test func whitenedProductsAreThoseOfNumpy() throws {
        for expected in cases.products {
            let (outputs, inputs) = (expected.weight.count, expected.weight[0].count)
            let weights = expected.weight.flatMap { $0.map { Double($0) } }
            let moments = SymmetricMatrix(
                size: inputs, values: expected.moments.flatMap { $0 })
            let decomposition = try #require(
                WhitenedDecomposition(
                    weights, outputs: outputs, inputs: inputs, moments: moments))
            expectClose(decomposition.values, expected.singularValues)
            let (outer, inner) = decomposition.factors(rank: expected.rank)
            expectClose(
                MatrixProduct.multiply(
                    outer, inner, rows: outputs, columns: inputs, depth: expected.rank),
                expected.product.flatMap { $0 })
            expectClose(
                norms(outer, rows: outputs, columns: expected.rank, ofRows: false),
                expected.outerNorms)
            expectClose(
                norms(inner, rows: expected.rank, columns: inputs, ofRows: true),
                expected.innerNorms)
            expectClose(
                [decomposition.lostEnergy(rank: expected.rank)], [expected.lostEnergy])
        }
    }

    @Test func whatIsLostIsTheEnergyThatIsCutOff() throws {
        for expected in cases.products {
            // Σ ‖(W − AB)(x − x̄)‖² over the rows, with the factors in float32.
            let input = tensor(expected.input)
            let weight = tensor(expected.weight)
            let rows = 0..<input.rowCount
            let moments = InputMoments(input, rows: rows, weights: nil)
            var options = Factorize()
            options.target = .rank(expected.rank)
            options.margin = 10
            options.realignment = 0
            let bias = Tensor(shape: [expected.bias.count], values: expected.bias)
            let product = FactorizedProduct(
                weight: weight, bias: bias, input: input,
                target: try MatrixProduct.linear(input, weight: weight, bias: bias),
                moments: moments, heldOut: rows)
            let (factors, output) = try #require(
                try product.factorized(options, name: "x", isFitted: true))
            expectClose([output.errorAfter], [expected.outputError], within: 1e-4)
            expectClose(
                factors.bias.values.map { Double($0) }, expected.fittedBias, within: 1e-5)
            #expect(output.errorBefore < 1e-6 * output.errorAfter)
            let energy = expected.singularValues.reduce(0) { $0 + $1 * $1 }
            #expect(
                abs(factors.keptShare - (1 - expected.lostEnergy / energy)) < 1e-6)
        }
    }

    @Test func ranksKeepTheShareThatIsAskedFor() throws {
        let expected = cases.products[1]
        let decomposition = try #require(
            WhitenedDecomposition(
                expected.weight.flatMap { $0.map { Double($0) } }, outputs: 6, inputs: 9,
                moments: SymmetricMatrix(size: 9, values: expected.moments.flatMap { $0 })))
        for share in [0, 0.5, 0.9, 0.99, 0.9999, 1] {
            let rank = decomposition.rank(keeping: share)
            let bound = (1 - share) * decomposition.energy
            #expect(decomposition.lostEnergy(rank: rank) <= bound * (1 + 1e-12))
            if rank > 1 { #expect(decomposition.lostEnergy(rank: rank - 1) > bound) }
        }
        var options = Factorize()
        options.multiple = 4
        options.target = .keep(0.9)
        // 0.9 · 54 / 15 = 3.24, less than a multiple.
        #expect(options.rank(of: decomposition) == 3)
        options.multiple = 2
        #expect(options.rank(of: decomposition) == 2)
        options.target = .rank(9)
        #expect(options.rank(of: decomposition) == 6)
        options.target = .energy(1)
        #expect(options.rank(of: decomposition) == 6)
        #expect(options.pays(rank: 3, outputs: 6, inputs: 9))
        #expect(!options.pays(rank: 4, outputs: 6, inputs: 9))
    }

    @Test func momentsThatAreNotPositiveHaveNoDecomposition() {
        #expect(
            WhitenedDecomposition(
                [1, 2, 3, 4], outputs: 2, inputs: 2, moments: SymmetricMatrix(size: 2)) == nil)
        #expect(
            WhitenedDecomposition(
                [1, .nan, 3, 4], outputs: 2, inputs: 2,
                moments: SymmetricMatrix(size: 2, values: [1, 0, 0, 1])) == nil)
    }

    @Test func tablesAreThoseOfNumpy() throws {
        for expected in cases.tables {
            let table = tensor(expected.table)
            var moments = SymmetricMatrix(size: table.columnCount)
            table.withRows(0..<table.rowCount) {
                MatrixProduct.addMoments(ofRows: $0, to: &moments)
            }
            let decomposition = try #require(TableDecomposition(moments: moments))
            expectClose(decomposition.values, expected.singularValues, within: 1e-6)
            let (projection, weight) = decomposition.factors(rank: expected.rank)
            let thin = try MatrixProduct.linear(table, weight: projection)
            let again = try MatrixProduct.linear(thin, weight: weight)
            expectClose(
                again.values.map { Double($0) }, expected.product.flatMap { $0 }, within: 1e-5)
            expectClose(
                norms(
                    weight.values.map { Double($0) }, rows: table.columnCount,
                    columns: expected.rank, ofRows: false), expected.weightNorms, within: 1e-5)
        }
    }
}
