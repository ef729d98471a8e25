import COpenBLAS

/// A symmetric matrix of doubles, kept whole: `values[i · size + j] = values[j · size + i]`.
///
/// Second moments of activations, Σ x · xᵀ, and what solvers make of them.
package struct SymmetricMatrix: Equatable, Sendable {
    package let size: Int
    /// `[size, size]`, row after row.
    package var values: [Double]

    package init(size: Int) {
        self.size = size
        values = [Double](repeating: 0, count: size * size)
    }

    /// - Precondition: `values` has size² elements and is symmetric.
    package init(size: Int, values: [Double]) {
        precondition(values.count == size * size, "a matrix of this size has size² elements")
        self.size = size
        self.values = values
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[row * size + column] }
        set { values[row * size + column] = newValue }
    }

    package var diagonal: [Double] {
        (0..<size).map { values[$0 * size + $0] }
    }

    /// The mean of the diagonal; 0 for an empty matrix.
    package var meanOfDiagonal: Double {
        size == 0 ? 0 : diagonal.reduce(0, +) / Double(size)
    }

    /// Adds a number to every element of the diagonal.
    package mutating func addToDiagonal(_ value: Double) {
        for index in 0..<size { values[index * size + index] += value }
    }

    /// The matrix of the rows and columns in `indices`, in that order.
    package func selecting(_ indices: [Int]) -> SymmetricMatrix {
        var selected = SymmetricMatrix(size: indices.count)
        for (row, source) in indices.enumerated() {
            for (column, other) in indices.enumerated() {
                selected.values[row * indices.count + column] = values[source * size + other]
            }
        }
        return selected
    }

    /// D · A · D for the diagonal matrix D of `factors`.
    package func scaled(by factors: [Double]) -> SymmetricMatrix {
        var scaled = self
        for row in 0..<size {
            for column in 0..<size {
                scaled.values[row * size + column] *= factors[row] * factors[column]
            }
        }
        return scaled
    }
}
