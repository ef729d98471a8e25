import COpenBLAS

/// The singular value decomposition A = U · diag(σ) · Vᵀ (LAPACK's dgesdd).
package struct SingularValues: Sendable {
    /// `[rows, rank]` with rank = min(rows, columns), row after row.
    package let left: [Double]
    /// In descending order, `[rank]`.
    package let values: [Double]
    /// `[rank, columns]`, row after row.
    package let right: [Double]

    /// Decomposes a matrix.
    ///
    /// - Parameter matrix: `[rows, columns]`, row after row.
    /// - Returns: nil if the iteration does not converge, or not to numbers, as with NaN.
    package init?(_ matrix: [Double], rows: Int, columns: Int) {
        let rank = min(rows, columns)
        guard rank > 0 else {
            (left, values, right) = ([], [], [])
            return
        }
        Panels.prepare()
        // LAPACK sees the transposed matrix, so its left vectors are our right ones.
        var a = matrix
        var singular = [Double](repeating: 0, count: rank)
        var u = [Double](repeating: 0, count: columns * rank)
        var vt = [Double](repeating: 0, count: rank * rows)
        var integers = [Int32](repeating: 0, count: 8 * rank)
        var (m, n, k, status) = (Int32(columns), Int32(rows), Int32(rank), Int32(0))
        var (size, length) = (0.0, Int32(-1))
        dgesdd_(
            "S", &m, &n, &a, &m, &singular, &u, &m, &vt, &k, &size, &length, &integers, &status, 1)
        length = Int32(size)
        var work = [Double](repeating: 0, count: Int(length))
        dgesdd_(
            "S", &m, &n, &a, &m, &singular, &u, &m, &vt, &k, &work, &length, &integers, &status, 1)
        guard status == 0, singular.allSatisfy(\.isFinite) else { return nil }
        values = singular
        // vt is [rank, rows] in columns, which is [rows, rank] in rows; u likewise.
        left = vt
        right = u
    }
}
