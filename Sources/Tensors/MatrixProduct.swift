import COpenBLAS

/// Matrix products in float32 through OpenBLAS.
///
/// OpenBLAS itself runs on one thread, because how it divides a product among several changes the
/// order of its sums. Products are divided here instead, at places that follow from their shape alone
/// (`Panels`), so the bits of a result never depend on the number of threads.
package enum MatrixProduct {
    /// y = x · weightᵀ + bias.
    ///
    /// - Parameters:
    ///   - input: `[…, inputs]`; leading dimensions count as rows.
    ///   - weight: `[outputs, inputs]`
    ///   - bias: `[outputs]`
    /// - Returns: `[…, outputs]`
    package static func linear(
        _ input: Tensor, weight: Tensor, bias: Tensor? = nil
    ) throws(TensorError) -> Tensor {
        guard weight.shape.count == 2, !input.shape.isEmpty,
            input.columnCount == weight.shape[1]
        else {
            throw .productShapeMismatch(input: input.shape, weight: weight.shape)
        }
        let rows = input.rowCount
        let (outputs, depth) = (weight.shape[0], weight.shape[1])
        if let bias, bias.shape != [outputs] {
            throw .biasShapeMismatch(expected: outputs, found: bias.shape)
        }
        let shape = Array(input.shape.dropLast()) + [outputs]
        guard let count = Tensor.elementCount(of: shape) else {
            throw .productShapeMismatch(input: input.shape, weight: weight.shape)
        }
        for dimension in [rows, outputs, depth] where dimension > Int(Int32.max) {
            throw .dimensionTooLarge(dimension)
        }
        let values = [Float](unsafeUninitializedCapacity: count) { output, initialized in
            initialized = count
            input.values.withUnsafeBufferPointer { x in
                weight.values.withUnsafeBufferPointer { w in
                    guard let output = output.baseAddress, rows > 0, outputs > 0 else { return }
                    nonisolated(unsafe) let (x, w, y) = (x.baseAddress, w.baseAddress, output)
                    Panels.forEach(rows: rows, work: rows * outputs * depth) { panel in
                        let start = y + panel.lowerBound * outputs
                        initialize(start, rows: panel.count, to: bias, columnCount: outputs)
                        guard let x, let w, depth > 0 else { return }
                        multiplyPanel(
                            MatrixView(x + panel.lowerBound * depth, stride: depth),
                            MatrixView(w, stride: depth), transposed: true, into: start,
                            stride: outputs, rows: panel.count, columns: outputs, depth: depth,
                            alpha: 1, beta: 1)
                    }
                }
            }
        }
        return Tensor(shape: shape, values: values)
    }

    /// Writes the bias, or zeros, to each row.
    private static func initialize(
        _ start: UnsafeMutablePointer<Float>, rows: Int, to bias: Tensor?, columnCount: Int
    ) {
        guard let bias else { return start.initialize(repeating: 0, count: rows * columnCount) }
        bias.values.withUnsafeBufferPointer { bias in
            guard let bias = bias.baseAddress else { return }
            for row in 0..<rows {
                (start + row * columnCount).initialize(from: bias, count: columnCount)
            }
        }
    }

    /// Where a matrix lies in memory: its first element and the distance of its rows in elements.
    package struct MatrixView {
        package let start: UnsafePointer<Float>
        package let stride: Int

        package init(_ start: UnsafePointer<Float>, stride: Int) {
            self.start = start
            self.stride = stride
        }
    }

    /// c = alpha · a · op(b) + beta · c with `a` `[rows, depth]`, `c` `[rows, columns]`, and `b`
    /// `[columns, depth]` if transposed, else `[depth, columns]`.
    ///
    /// - Precondition: Every size fits in 32 bits and the memory holds the matrices.
    package static func multiply(
        _ a: MatrixView, _ b: MatrixView, transposed: Bool, into c: UnsafeMutablePointer<Float>,
        stride: Int, rows: Int, columns: Int, depth: Int, alpha: Float = 1, beta: Float = 0
    ) {
        guard rows > 0, columns > 0 else { return }
        nonisolated(unsafe) let (a, b, c) = (a, b, c)
        Panels.forEach(rows: rows, work: rows * columns * depth) { panel in
            multiplyPanel(
                MatrixView(a.start + panel.lowerBound * a.stride, stride: a.stride), b,
                transposed: transposed, into: c + panel.lowerBound * stride, stride: stride,
                rows: panel.count, columns: columns, depth: depth, alpha: alpha, beta: beta)
        }
    }

    /// The same on this thread, by one call of OpenBLAS.
    private static func multiplyPanel(
        _ a: MatrixView, _ b: MatrixView, transposed: Bool, into c: UnsafeMutablePointer<Float>,
        stride: Int, rows: Int, columns: Int, depth: Int, alpha: Float, beta: Float
    ) {
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(rows),
            Int32(columns), Int32(depth), alpha, a.start, Int32(max(1, a.stride)), b.start,
            Int32(max(1, b.stride)), beta, c, Int32(max(1, stride)))
    }
}
