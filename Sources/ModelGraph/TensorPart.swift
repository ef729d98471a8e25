package import Checkpoints
package import Tensors

/// Some rows and columns of a tensor in the checkpoint, which may change places.
///
/// So a parameter is what an architecture needs of a tensor that holds several weights side by side,
/// or holds `[inputs, outputs]`, without a copy of it.
package struct TensorPart: Hashable, Sendable {
    /// Name of the tensor.
    package let tensor: String
    package let elementType: ElementType
    /// Indices of the first dimension of the tensor.
    package let rows: Range<Int>
    /// Indices of the second dimension; nil for a tensor with one dimension.
    package let columns: Range<Int>?
    /// Whether the columns of the tensor are the rows of the part.
    package let isTransposed: Bool

    /// - Precondition: A part with one dimension is not transposed.
    package init(
        tensor: String, elementType: ElementType, rows: Range<Int>, columns: Range<Int>?,
        isTransposed: Bool = false
    ) {
        precondition(columns != nil || !isTransposed)
        self.tensor = tensor
        self.elementType = elementType
        self.rows = rows
        self.columns = columns
        self.isTransposed = isTransposed
    }

    package var shape: [Int] {
        guard let columns else { return [rows.count] }
        return isTransposed ? [columns.count, rows.count] : [rows.count, columns.count]
    }

    /// Whether the tensor has all rows and columns of the part.
    func lies(in checkpoint: Checkpoint) -> Bool {
        guard let shape = checkpoint.shape(of: tensor), rows.lowerBound >= 0,
            shape.count == (columns == nil ? 1 : 2), rows.upperBound <= shape[0]
        else { return false }
        guard let columns else { return true }
        return columns.lowerBound >= 0 && columns.upperBound <= shape[1]
    }

    /// Some rows of the part (not of the tensor) in float32.
    ///
    /// Takes no more memory than they do and one row of the tensor.
    package func floats(
        in checkpoint: Checkpoint, rows wanted: Range<Int>
    ) throws(ModelError) -> Tensor {
        let known = shape
        guard lies(in: checkpoint), wanted.lowerBound >= 0, wanted.upperBound <= known[0] else {
            throw .checkpoint(
                .rowsOutOfRange(tensor: tensor, rows: wanted, rowCount: known[0]))
        }
        guard let columns else {
            let start = rows.lowerBound
            return try Self.wrapping { () throws(CheckpointError) in
                try checkpoint.floats(
                    tensor, rows: start + wanted.lowerBound..<start + wanted.upperBound)
            }
        }
        var result = Tensor(zeros: [wanted.count, known[1]])
        if isTransposed {
            let start = columns.lowerBound
            try forEachRow(
                rows, columns: start + wanted.lowerBound..<start + wanted.upperBound, checkpoint
            ) { index, row in
                for (place, value) in row.enumerated() {
                    result.values[place * known[1] + index] = value
                }
            }
        } else {
            let start = rows.lowerBound
            try forEachRow(
                start + wanted.lowerBound..<start + wanted.upperBound, columns: columns, checkpoint
            ) { index, row in
                for (place, value) in row.enumerated() {
                    result.values[index * known[1] + place] = value
                }
            }
        }
        return result
    }

    /// Calls `body` with some columns of each of some rows of the tensor, widened to float32.
    private func forEachRow(
        _ rows: Range<Int>, columns: Range<Int>, _ checkpoint: Checkpoint,
        _ body: (_ index: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(ModelError) {
        let width = checkpoint.shape(of: tensor)?[1] ?? 0
        let (rowByteCount, start) = (
            width * elementType.byteCount, columns.lowerBound * elementType.byteCount
        )
        let byteCount = columns.count * elementType.byteCount
        var row = [Float](repeating: 0, count: columns.count)
        var failure: TensorError?
        try Self.wrapping { () throws(CheckpointError) in
            try checkpoint.withBytes(of: tensor) { bytes in
                row.withUnsafeMutableBufferPointer { row in
                    for (index, source) in rows.enumerated() {
                        let first = source * rowByteCount + start
                        do throws(TensorError) {
                            try elementType.widen(
                                UnsafeRawBufferPointer(rebasing: bytes[first..<first + byteCount]),
                                into: row)
                        } catch {
                            failure = error
                            return
                        }
                        body(index, row)
                    }
                }
            }
        }
        if let failure {
            throw .checkpoint(
                .tensor(file: checkpoint.fileName(of: tensor) ?? "", tensor: tensor, failure))
        }
    }

    private static func wrapping<Result>(
        _ body: () throws(CheckpointError) -> Result
    ) throws(ModelError) -> Result {
        do throws(CheckpointError) {
            return try body()
        } catch {
            throw .checkpoint(error)
        }
    }
}
