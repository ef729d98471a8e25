import COpenBLAS

/// Sums over the rows of activations, in double over blocks of float products.
extension MatrixProduct {
    /// Rows that are multiplied in float32 before their sum is kept in double.
    private static let blockRows = 2048

    /// matrix += Σ x · xᵀ over the rows x of a block of activations.
    ///
    /// - Parameters:
    ///   - rows: `[rows, matrix.size]`, row after row.
    ///   - matrix: What the products are added to.
    package static func addMoments(
        ofRows rows: UnsafeBufferPointer<Float>, to matrix: inout SymmetricMatrix
    ) {
        let size = matrix.size
        guard size > 0, !rows.isEmpty, let start = rows.baseAddress else { return }
        let count = rows.count / size
        var block = [Float](repeating: 0, count: size * size)
        for first in stride(from: 0, to: count, by: blockRows) {
            let depth = min(blockRows, count - first)
            cblas_ssyrk(
                CblasRowMajor, CblasUpper, CblasTrans, Int32(size), Int32(depth), 1,
                start + first * size, Int32(size), 0, &block, Int32(size))
            matrix.values.withUnsafeMutableBufferPointer { values in
                for row in 0..<size {
                    for column in row..<size {
                        values[row * size + column] += Double(block[row * size + column])
                    }
                }
            }
        }
        matrix.values.withUnsafeMutableBufferPointer { values in
            for row in 0..<size {
                for column in 0..<row {
                    values[row * size + column] = values[column * size + row]
                }
            }
        }
    }

    /// product += Σ y · xᵀ over pairs of rows.
    ///
    /// - Parameters:
    ///   - outputs: `[rows, outputCount]`
    ///   - inputs: `[rows, inputCount]`
    ///   - product: `[outputCount, inputCount]`
    package static func addCrossMoments(
        outputs: UnsafeBufferPointer<Float>, outputCount: Int,
        inputs: UnsafeBufferPointer<Float>, inputCount: Int, to product: inout [Double]
    ) {
        guard outputCount > 0, inputCount > 0, let y = outputs.baseAddress,
            let x = inputs.baseAddress
        else { return }
        let count = inputs.count / inputCount
        var block = [Float](repeating: 0, count: outputCount * inputCount)
        for first in stride(from: 0, to: count, by: blockRows) {
            let depth = min(blockRows, count - first)
            cblas_sgemm(
                CblasRowMajor, CblasTrans, CblasNoTrans, Int32(outputCount), Int32(inputCount),
                Int32(depth), 1, y + first * outputCount, Int32(outputCount),
                x + first * inputCount, Int32(inputCount), 0, &block, Int32(inputCount))
            product.withUnsafeMutableBufferPointer { product in
                for index in 0..<product.count { product[index] += Double(block[index]) }
            }
        }
    }

    /// a · b in double.
    ///
    /// - Parameters:
    ///   - a: `[rows, depth]`
    ///   - b: `[depth, columns]`, or `[columns, depth]` if transposed.
    /// - Returns: `[rows, columns]`
    package static func multiply(
        _ a: [Double], _ b: [Double], transposed: Bool = false, rows: Int, columns: Int, depth: Int
    ) -> [Double] {
        var product = [Double](repeating: 0, count: rows * columns)
        guard rows > 0, columns > 0, depth > 0 else { return product }
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(rows),
            Int32(columns), Int32(depth), 1, a, Int32(depth), b,
            Int32(transposed ? depth : columns), 0, &product, Int32(columns))
        return product
    }
}
