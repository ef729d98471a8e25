import COpenBLAS

/// The factor L of a symmetric positive definite matrix A = L · Lᵀ (LAPACK's dpotrf).
package struct CholeskyFactor: Sendable {
    package let size: Int
    /// `[size, size]`, row after row; above the diagonal are zeros.
    package let lower: [Double]

    /// Factors a matrix.
    ///
    /// - Returns: nil if the matrix is not positive definite in double precision.
    package init?(_ matrix: SymmetricMatrix) {
        size = matrix.size
        var factor = matrix.values
        guard size > 0 else {
            lower = []
            return
        }
        Panels.prepare()
        var (order, status) = (Int32(size), Int32(0))
        // The upper factor in LAPACK's columns is the lower one in our rows.
        dpotrf_("U", &order, &factor, &order, &status, 1)
        guard status == 0 else { return nil }
        // LAPACK may pass over NaN.
        for index in 0..<matrix.size where !(factor[index * matrix.size + index] > 0) {
            return nil
        }
        for row in 0..<size {
            for column in row + 1..<max(row + 1, size) { factor[row * size + column] = 0 }
        }
        lower = factor
    }

    /// A⁻¹.
    package var inverse: SymmetricMatrix {
        var inverse = lower
        guard size > 0 else { return SymmetricMatrix(size: 0) }
        Panels.prepare()
        var (order, status) = (Int32(size), Int32(0))
        dpotri_("U", &order, &inverse, &order, &status, 1)
        for row in 0..<size {
            for column in row + 1..<max(row + 1, size) {
                inverse[row * size + column] = inverse[column * size + row]
            }
        }
        return SymmetricMatrix(size: size, values: inverse)
    }

    /// X with X · A = B, row by row.
    ///
    /// - Parameter rightSides: B, `[rows, size]`.
    /// - Returns: X, `[rows, size]`.
    package func solve(_ rightSides: [Double]) -> [Double] {
        guard size > 0, !rightSides.isEmpty else { return rightSides }
        var solution = rightSides
        let rows = rightSides.count / size
        solution.withUnsafeMutableBufferPointer { solution in
            nonisolated(unsafe) let solution = solution
            Panels.forEach(rows: rows, work: rows * size * size) { panel in
                guard let start = solution.baseAddress else { return }
                var (order, count, status) = (Int32(size), Int32(panel.count), Int32(0))
                var leading = order
                dpotrs_(
                    "U", &order, &count, lower, &leading, start + panel.lowerBound * size, &leading,
                    &status, 1)
            }
        }
        return solution
    }
}
