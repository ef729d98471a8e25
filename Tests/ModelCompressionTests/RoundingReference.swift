import Foundation
import Tensors

@testable import ModelCompression

/// Problems of rounding with their solutions, written by `tools/make_reference_rounding.py`.
struct RoundingReference: Decodable {
    struct Product: Decodable, CustomStringConvertible {
        let name: String
        let limit: Int
        let rows: Int
        let inputs: Int
        let outputs: Int
        /// What flows in, `[rows, inputs]`.
        let x: [Float]
        /// What it is multiplied with, `[outputs, inputs]`.
        let weights: [Float]
        let moments: [Double]
        let scales: [Float]
        let nearest: [Int8]
        /// Scales after the search for clipping.
        let clipped: [Float]
        let gptq: [Int8]
        let costs: [Float]
        let gptqWithCosts: [Int8]
        /// The moments with 1 % of their mean diagonal added to it.
        let damped: [Double]
        /// After three sweeps with fixed scales.
        let descent: [Int8]
        let descentErrors: [Double]
        /// After three sweeps with scales that are fitted.
        let fittedDescent: [Int8]
        let fittedScales: [Double]
        let fittedErrors: [Double]
        /// After one sweep.
        let descentWithCosts: [Int8]

        var description: String { name }
        var second: SymmetricMatrix { SymmetricMatrix(size: inputs, values: moments) }
        var dampedMatrix: SymmetricMatrix { SymmetricMatrix(size: inputs, values: damped) }
        var grid: CodeGrid { CodeGrid(limit: limit, weights: weights, columnCount: inputs) }
    }

    /// Codes of 4 bits.
    struct Groups: Decodable {
        let inputs: Int
        let outputs: Int
        let weights: [Float]
        let moments: [Double]
        let importances: [Float]
        /// With the whole range of each group.
        let wholeScales: [Float]
        let wholeMultipliers: [Int8]
        /// With the range that has the least error.
        let scales: [Float]
        let multipliers: [Int8]
        let nearest: [Int8]
        let damped: [Double]
        /// Of all rows but the last, which has a group of zeros.
        let gptq: [Int8]
        let fittedDescent: [Int8]
        let fittedScales: [Double]

        var second: SymmetricMatrix { SymmetricMatrix(size: inputs, values: moments) }
        var dampedMatrix: SymmetricMatrix { SymmetricMatrix(size: inputs, values: damped) }
    }

    struct Costs: Decodable {
        let codes: [Int8]
        let limit: Int
        let scale: Float
        let errorCost: Double
        let rate: Double
        let costs: [Double]
    }

    struct Ridge: Decodable {
        let rows: Int
        let inputs: Int
        let outputs: Int
        let ridge: Double
        let x: [Float]
        let targets: [Float]
        let rowWeights: [Float]
        /// Weighted and around the means, as `cross`.
        let moments: [Double]
        let cross: [Double]
        let mean: [Double]
        let targetMean: [Double]
        let prior: [Double]
        let weights: [Double]
        let bias: [Double]

        var input: Tensor { Tensor(shape: [rows, inputs], values: x) }
        var target: Tensor { Tensor(shape: [rows, outputs], values: targets) }
        var second: SymmetricMatrix { SymmetricMatrix(size: inputs, values: moments) }
    }

    struct Smoothing: Decodable {
        let rows: Int
        let inputs: Int
        let outputs: [Int]
        let x: [Float]
        let weights: [[Float]]
        let exponents: [Float]
        let divisors: [[Double]]
        /// The exponent with which nearest codes are best.
        let best: Float

        var input: Tensor { Tensor(shape: [rows, inputs], values: x) }
        var weightTensors: [Tensor] {
            zip(outputs, weights).map { Tensor(shape: [$0, inputs], values: $1) }
        }
    }

    let products: [Product]
    let groups: [Groups]
    let costs: [Costs]
    let ridge: [Ridge]
    let smoothing: [Smoothing]

    static func read() throws -> RoundingReference {
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/rounding/rounding.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: path))
    }
}

/// The largest difference in parts of the largest magnitude; infinite if the numbers differ in count.
func relativeDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let largest = expected.reduce(0) { max($0, $1.magnitude) }
    let worst = zip(found, expected).reduce(0.0) { worst, pair in
        let difference = (pair.0 - pair.1).magnitude
        return difference.isNaN ? .infinity : max(worst, difference)
    }
    return worst == 0 ? 0 : worst / largest
}

/// eᵀ · H · e of each row, with e = w − scale · code, in double.
func outputErrors(
    _ codes: [Int8], scales: [Float], weights: [Float], moments: SymmetricMatrix
) -> [Double] {
    let size = moments.size
    return scales.indices.map { row in
        let errors = (0..<size).map { column in
            let index = row * size + column
            return Double(weights[index]) - Double(scales[row]) * Double(codes[index])
        }
        var sum = 0.0
        for i in 0..<size {
            for j in 0..<size { sum += errors[i] * moments[i, j] * errors[j] }
        }
        return sum
    }
}

/// A matrix of random weights and the moments of activations whose columns hang together.
struct RandomProduct {
    let weights: [Float]
    let moments: SymmetricMatrix
    let outputs: Int

    init(outputs: Int, inputs: Int, seed: UInt64) {
        let rows = 2 * inputs
        weights = SmallModel.random([outputs, inputs], seed: seed).values
        let factors = SmallModel.random([rows, 2], seed: seed + 1).values
        let loadings = SmallModel.random([2, inputs], seed: seed + 2).values
        let noise = SmallModel.random([rows, inputs], seed: seed + 3).values
        var moments = SymmetricMatrix(size: inputs)
        for row in 0..<rows {
            let (first, second) = (Double(factors[row * 2]), Double(factors[row * 2 + 1]))
            let x = (0..<inputs).map { column -> Double in
                let common = first * Double(loadings[column])
                let other = second * Double(loadings[inputs + column])
                return common + other + 0.2 * Double(noise[row * inputs + column])
            }
            for i in 0..<inputs {
                for j in 0..<inputs { moments[i, j] += x[i] * x[j] }
            }
        }
        self.moments = moments
        self.outputs = outputs
    }
}
