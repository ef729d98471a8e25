import Foundation
import Tensors
import Testing

@testable import ModelCompression

/// What tools/make_reference_pruning.py computed with numpy, and the matrices it did so from.
struct PruningReference {
    static let rows = 6
    static let inputs = 136
    private static let samples = 300

    let weights: [Float]
    /// Σ (x−x̄)(x−x̄)ᵀ, `[inputs, inputs]`.
    let moments: SymmetricMatrix
    /// Σ x², about zero.
    let squares: [Double]
    /// Σ (t−t̄)(x−x̄)ᵀ, `[rows, inputs]`.
    let cross: [Double]
    private let results: [String: Any]

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/pruning/reference.json")
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        results = try #require(json as? [String: Any])
        let (rows, inputs, samples) = (Self.rows, Self.inputs, Self.samples)
        let weights = SmallModel.random([rows, inputs], seed: 1).values
        self.weights = weights
        let noise = SmallModel.random([samples, inputs], seed: 2).values
        let extra = SmallModel.random([samples, rows], seed: 3).values
        var x = [[Double]](repeating: [], count: samples)
        var t = x
        for sample in 0..<samples {
            let row = Array(noise[sample * inputs..<(sample + 1) * inputs])
            let mixed = (0..<inputs).map { row[$0] + 0.75 * row[($0 + inputs - 1) % inputs] }
            x[sample] = mixed.map { Double($0) }
            t[sample] = (0..<rows).map { output in
                (0..<inputs).reduce(Double(extra[sample * rows + output])) {
                    $0 + x[sample][$1] * Double(weights[output * inputs + $1])
                }
            }
        }
        squares = (0..<inputs).map { column in x.reduce(0) { $0 + $1[column] * $1[column] } }
        Self.centre(&x)
        Self.centre(&t)
        var moments = SymmetricMatrix(size: inputs)
        for row in x {
            for a in 0..<inputs { for b in 0..<inputs { moments[a, b] += row[a] * row[b] } }
        }
        self.moments = moments
        var cross = [Double](repeating: 0, count: rows * inputs)
        for (target, input) in zip(t, x) {
            for a in 0..<rows {
                for b in 0..<inputs { cross[a * inputs + b] += target[a] * input[b] }
            }
        }
        self.cross = cross
    }

    var weight: Tensor { Tensor(shape: [Self.rows, Self.inputs], values: weights) }

    private static func centre(_ rows: inout [[Double]]) {
        for column in rows[0].indices {
            let mean = rows.reduce(0) { $0 + $1[column] } / Double(rows.count)
            for row in rows.indices { rows[row][column] -= mean }
        }
    }

    /// What goes, `[rows, inputs]`.
    func marks(_ name: String) throws -> [Bool] {
        try #require(results[name] as? [String]).flatMap { $0.map { $0 == "0" } }
    }

    func numbers(_ name: String) throws -> [Double] {
        try #require(results[name] as? [[NSNumber]]).flatMap { $0.map(\.doubleValue) }
    }
}
