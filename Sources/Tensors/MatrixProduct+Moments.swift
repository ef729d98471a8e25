import COpenBLAS

/// Sums over the rows of activations, in double over blocks of float products.
extension MatrixProduct {
    /// Rows that are multiplied in float32 before their sum is kept in double.
    private static let blockRows = 1024

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
        nonisolated(unsafe) let x = start
        matrix.values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            addBlocks(rowCount: rows.count / size, elementCount: size * size) {
                first, depth, block in
                cblas_ssyrk(
                    CblasRowMajor, CblasUpper, CblasTrans, Int32(size), Int32(depth), 1,
                    x + first * size, Int32(size), 0, block, Int32(size))
            } add: { block in
                nonisolated(unsafe) let block = block
                Parallel.forEachRange(of: size, grain: 64) { rows in
                    for row in rows {
                        for column in row..<size {
                            values[row * size + column] += Double(block[row * size + column])
                        }
                    }
                }
            }
            Parallel.forEachRange(of: size, grain: 64) { rows in
                for row in rows {
                    for column in 0..<row {
                        values[row * size + column] = values[column * size + row]
                    }
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
        nonisolated(unsafe) let (left, right) = (y, x)
        let elementCount = outputCount * inputCount
        product.withUnsafeMutableBufferPointer { product in
            nonisolated(unsafe) let product = product
            addBlocks(rowCount: inputs.count / inputCount, elementCount: elementCount) {
                first, depth, block in
                cblas_sgemm(
                    CblasRowMajor, CblasTrans, CblasNoTrans, Int32(outputCount),
                    Int32(inputCount), Int32(depth), 1, left + first * outputCount,
                    Int32(outputCount), right + first * inputCount, Int32(inputCount), 0, block,
                    Int32(inputCount))
            } add: { block in
                nonisolated(unsafe) let block = block
                Parallel.forEachRange(of: elementCount, grain: 1 << 14) { range in
                    for index in range { product[index] += Double(block[index]) }
                }
            }
        }
    }

    /// Computes the float products of blocks of rows on several threads, and adds them in their
    /// order, so that the sum does not depend on how many threads there are.
    ///
    /// - Parameter multiply: Writes what `add` reads of the memory that it gets.
    private static func addBlocks(
        rowCount: Int, elementCount: Int,
        multiply: @Sendable (_ first: Int, _ rows: Int, UnsafeMutablePointer<Float>) -> Void,
        add: (UnsafeMutablePointer<Float>) -> Void
    ) {
        let blocks = (rowCount + blockRows - 1) / blockRows
        let together = min(blocks, Parallel.threadCount)
        guard together > 0 else { return }
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: together * elementCount)
        defer { memory.deallocate() }
        nonisolated(unsafe) let products = memory
        for firstBlock in stride(from: 0, to: blocks, by: together) {
            let count = min(together, blocks - firstBlock)
            Panels.forEach(of: count) { index in
                let first = (firstBlock + index) * blockRows
                multiply(
                    first, min(blockRows, rowCount - first), products + index * elementCount)
            }
            for index in 0..<count { add(products + index * elementCount) }
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
        add(
            1, a, b, transposed: transposed, rows: rows, columns: columns, depth: depth,
            to: &product)
        return product
    }

    /// c −= a · b in double.
    ///
    /// - Parameters:
    ///   - a: `[rows, depth]`
    ///   - b: `[depth, columns]`
    ///   - c: `[rows, columns]`
    package static func subtract(
        _ a: [Double], _ b: [Double], rows: Int, columns: Int, depth: Int, from c: inout [Double]
    ) {
        add(-1, a, b, transposed: false, rows: rows, columns: columns, depth: depth, to: &c)
    }

    /// c += factor · a · op(b).
    private static func add(
        _ factor: Double, _ a: [Double], _ b: [Double], transposed: Bool, rows: Int, columns: Int,
        depth: Int, to c: inout [Double]
    ) {
        guard rows > 0, columns > 0, depth > 0 else { return }
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    nonisolated(unsafe) let (left, right, sum) = (
                        a.baseAddress!, b.baseAddress!, c.baseAddress!
                    )
                    Panels.forEach(rows: rows, work: rows * columns * depth) { panel in
                        cblas_dgemm(
                            CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans,
                            Int32(panel.count), Int32(columns), Int32(depth), factor,
                            left + panel.lowerBound * depth, Int32(depth), right,
                            Int32(transposed ? depth : columns), 1,
                            sum + panel.lowerBound * columns, Int32(columns))
                    }
                }
            }
        }
    }
}
