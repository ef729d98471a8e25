package import Checkpoints
package import Tensors

extension Parameter {
    /// The numbers in float32, wherever they are; quantized ones as scale · code.
    package func floats(in checkpoint: Checkpoint) throws(ModelError) -> Tensor {
        switch storage {
        case .checkpoint(let name, _):
            do {
                return try checkpoint.floats(name)
            } catch {
                throw .checkpoint(error)
            }
        case .checkpointPart(let part):
            return try part.floats(in: checkpoint, rows: 0..<part.shape[0])
        case .dense(let tensor, _):
            return tensor
        case .quantizedRows(let matrix):
            return matrix.dequantized
        }
    }

    /// Some rows (of the first dimension) in float32.
    package func floats(
        in checkpoint: Checkpoint, rows: Range<Int>
    ) throws(ModelError) -> Tensor {
        let columnCount = elementCount / max(1, shape.first ?? 1)
        let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
        let rowsShape = [rows.count] + shape.dropFirst()
        switch storage {
        case .checkpoint(let name, _):
            do {
                return try checkpoint.floats(name, rows: rows)
            } catch {
                throw .checkpoint(error)
            }
        case .checkpointPart(let part):
            return try part.floats(in: checkpoint, rows: rows)
        case .dense(let tensor, _):
            return Tensor(shape: rowsShape, values: Array(tensor.values[range]))
        case .quantizedRows(let matrix):
            return Tensor(shape: rowsShape, values: matrix.dequantized(rows: rows))
        }
    }
}
