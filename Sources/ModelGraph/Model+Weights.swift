package import Checkpoints
package import Tensors

extension Model {
    /// Rows (of the first dimension) of a weight as floats, wherever its numbers are.
    package func floats(
        of parameter: Parameter, rows: Range<Int>
    ) throws(CheckpointError) -> Tensor {
        let columnCount = parameter.elementCount / max(1, parameter.shape.first ?? 1)
        let shape = [rows.count] + parameter.shape.dropFirst()
        switch parameter.storage {
        case .checkpoint(let name, _):
            return try checkpoint.floats(name, rows: rows)
        case .dense(let tensor):
            let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
            return Tensor(shape: shape, values: Array(tensor.values[range]))
        case .quantizedRows(let matrix):
            var values: [Float] = []
            values.reserveCapacity(rows.count * columnCount)
            for row in rows {
                let scale = matrix.scales[row]
                for code in matrix.codes[row * columnCount..<(row + 1) * columnCount] {
                    values.append(Float(code) * scale)
                }
            }
            return Tensor(shape: shape, values: values)
        }
    }
}
