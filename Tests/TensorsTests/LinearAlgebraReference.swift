import Foundation

/// Matrices with what numpy makes of them, written by `tools/make_reference_rounding.py`.
struct LinearAlgebraReference: Decodable {
    struct Definite: Decodable {
        let size: Int
        let matrix: [Double]
        let lower: [Double]
        let inverse: [Double]
        let right: [Double]
        let solution: [Double]
    }

    struct SingularValues: Decodable {
        let rows: Int
        let columns: Int
        let matrix: [Double]
        let values: [Double]
        /// How many singular values `truncated` keeps.
        let kept: Int
        let truncated: [Double]
    }

    let definite: [Definite]
    let singularValues: [SingularValues]

    static func read() throws -> LinearAlgebraReference {
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/rounding/linear-algebra.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: path))
    }
}

/// The largest difference of two lists in parts of the largest magnitude; infinite if they differ in
/// number.
func relativeDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let largest = expected.reduce(0) { max($0, $1.magnitude) }
    let difference = zip(found, expected).reduce(0.0) { worst, pair in
        let difference = (pair.0 - pair.1).magnitude
        return difference.isNaN ? .infinity : max(worst, difference)
    }
    return difference == 0 ? 0 : difference / largest
}
