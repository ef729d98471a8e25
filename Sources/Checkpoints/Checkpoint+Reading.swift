package import Tensors

extension Checkpoint {
    /// Lends the stored bytes of a tensor and releases their pages afterwards.
    ///
    /// The bytes need not be aligned to the element type.
    package func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(CheckpointError) -> Result {
        guard let (file, entry) = directory.find(name) else { throw .noTensor(name) }
        defer { file.mapping.release(entry.byteRange) }
        return body(UnsafeRawBufferPointer(rebasing: file.mapping.bytes[entry.byteRange]))
    }

    /// A tensor, widened to float32.
    package func floats(_ name: String) throws(CheckpointError) -> Tensor {
        guard let (file, entry) = directory.find(name) else { throw .noTensor(name) }
        return try widen(entry, of: file, byteRange: entry.byteRange, shape: entry.shape)
    }

    /// Some rows (indices of the first dimension) of a tensor, widened to float32.
    package func floats(_ name: String, rows: Range<Int>) throws(CheckpointError) -> Tensor {
        guard let (file, entry) = directory.find(name) else { throw .noTensor(name) }
        let rowCount = entry.shape.first ?? 0
        guard rows.lowerBound >= 0, rows.upperBound <= rowCount else {
            throw .rowsOutOfRange(tensor: name, rows: rows, rowCount: rowCount)
        }
        let rowByteCount = rowCount == 0 ? 0 : entry.byteRange.count / rowCount
        let start = entry.byteRange.lowerBound
        let byteRange =
            start + rows.lowerBound * rowByteCount..<start + rows.upperBound * rowByteCount
        let shape = [rows.count] + entry.shape.dropFirst()
        return try widen(entry, of: file, byteRange: byteRange, shape: shape)
    }

    private func widen(
        _ entry: SafetensorsHeader.Entry, of file: SafetensorsFile, byteRange: Range<Int>,
        shape: [Int]
    ) throws(CheckpointError) -> Tensor {
        let type = entry.elementType
        var values = [Float](repeating: 0, count: byteRange.count / type.byteCount)
        var failure: TensorError?
        values.withUnsafeMutableBufferPointer { output in
            var position = 0
            // A multiple of every element size.
            file.mapping.forEachPiece(of: byteRange, maximumByteCount: 1 << 22) { piece in
                let count = piece.count / type.byteCount
                let target = UnsafeMutableBufferPointer(
                    rebasing: output[position..<position + count])
                do throws(TensorError) {
                    try type.widen(piece, into: target)
                } catch {
                    failure = error
                }
                position += count
            }
        }
        if let failure {
            throw .tensor(file: file.name, tensor: entry.name, failure)
        }
        return Tensor(shape: shape, values: values)
    }
}

extension MappedFile {
    /// Lends a range from front to back in pieces and releases each afterwards.
    func forEachPiece(
        of range: Range<Int>, maximumByteCount: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = start + min(max(1, maximumByteCount), range.upperBound - start)
            body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            release(start..<end)
            start = end
        }
    }
}
