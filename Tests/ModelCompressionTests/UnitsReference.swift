import Foundation
import Tensors

@testable import ModelCompression

/// What tools/make_reference_units.py computed with numpy, and the matrices it did so from.
struct UnitsReference: Decodable {
    struct Level: Decodable {
        let kept: [Int]
        /// One for each output and kept column, `[outputs, kept columns]`.
        let weights: [Double]
        let loss: Double
    }

    struct Surgeon: Decodable {
        let groupsOfFour: [Level]
        /// Only the groups 0, 2, 3 and 5 could go.
        let someGroupsOfFour: [Level]
        let oneByOne: [Level]
        let atOnce: [Level]
    }

    struct Candidate: Decodable {
        let kept: [Int]
        let weights: [Double]
        let bias: [Double]
        let error: Double
    }

    struct Fit: Decodable {
        let signal: Double
        let ownError: Double
        let refitted: Candidate
        /// By the compensation and the number of groups of two, for instance "mean 3".
        let reduced: [String: Candidate]
    }

    let surgeon: Surgeon
    let fit: Fit
    /// Every sequence counts alike, whatever its length.
    let weightedFit: Fit

    static func read() throws -> UnitsReference {
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/units/reference.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: path))
    }

    // MARK: - What it was computed from

    static let outputs = 5
    static let inputs = 24

    /// Of the surgeon, `[outputs, inputs]`.
    static let weights = SmallModel.random([outputs, inputs], seed: 11).values.map { Double($0) }

    /// Σ x · xᵀ of inputs whose neighbours have much in common, and a half on the diagonal.
    static let moments: SymmetricMatrix = {
        let noise = SmallModel.random([60, inputs], seed: 12).values.map { Double($0) }
        var moments = SymmetricMatrix(size: inputs)
        for sample in 0..<60 {
            let row = Array(noise[sample * inputs..<(sample + 1) * inputs])
            let x = (0..<inputs).map { row[$0] + 0.75 * row[($0 + inputs - 1) % inputs] }
            for i in 0..<inputs { for j in 0..<inputs { moments[i, j] += x[i] * x[j] } }
        }
        moments.addToDiagonal(0.5)
        return moments
    }()
}

/// The weights that do best with some columns alone, `[outputs, kept]`, by Gaussian elimination.
func optimum(_ weights: [Double], _ moments: SymmetricMatrix, kept: [Int]) -> [Double] {
    let outputs = weights.count / moments.size
    // H_KK · Xᵀ = H_K: · Wᵀ, the right sides beside the matrix.
    var rows = kept.map { row in
        kept.map { moments[row, $0] }
            + (0..<outputs).map { output in
                (0..<moments.size).reduce(0.0) {
                    $0 + moments[row, $1] * weights[output * moments.size + $1]
                }
            }
    }
    for pivot in rows.indices {
        let best = rows.indices[pivot...].max {
            rows[$0][pivot].magnitude < rows[$1][pivot].magnitude
        }
        rows.swapAt(pivot, best ?? pivot)
        for row in rows.indices where row != pivot {
            let factor = rows[row][pivot] / rows[pivot][pivot]
            for column in pivot..<rows[row].count {
                rows[row][column] -= factor * rows[pivot][column]
            }
        }
    }
    return (0..<outputs).flatMap { output in
        rows.indices.map { rows[$0][kept.count + output] / rows[$0][$0] }
    }
}

/// tr((W′ − W) · H · (W′ − W)ᵀ) with W′ zero but for the columns in `kept`.
func lossOf(
    _ changed: [Double], kept: [Int], weights: [Double], moments: SymmetricMatrix
) -> Double {
    let size = moments.size
    var change = weights.map { -$0 }
    for row in 0..<weights.count / size {
        for (place, column) in kept.enumerated() {
            change[row * size + column] += changed[row * kept.count + place]
        }
    }
    var loss = 0.0
    for row in 0..<weights.count / size {
        for i in 0..<size {
            for j in 0..<size {
                loss += change[row * size + i] * moments[i, j] * change[row * size + j]
            }
        }
    }
    return loss
}
