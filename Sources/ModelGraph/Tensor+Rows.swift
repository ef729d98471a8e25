import Glibc
import Tensors

extension Tensor {
    func adding(_ other: Tensor) -> Tensor {
        other.values.withUnsafeBufferPointer { other in
            mapped { index, value in value + other[index] }
        }
    }

    /// Applies a function to each element, which it gets with its index.
    func mapped(_ body: (Int, Float) -> Float) -> Tensor {
        let result = [Float](unsafeUninitializedCapacity: values.count) { output, count in
            values.withUnsafeBufferPointer { input in
                for index in 0..<input.count { output[index] = body(index, input[index]) }
            }
            count = values.count
        }
        return Tensor(shape: shape, values: result)
    }

    /// Normalizes each row to mean 0 and variance 1, then applies `gamma` and `beta`.
    func normalized(gamma: Tensor, beta: Tensor?, epsilon: Float) -> Tensor {
        var result = self
        let columns = columnCount
        let beta = beta?.values ?? [Float](repeating: 0, count: columns)
        result.forEachRow { row in
            var sum = 0.0
            for value in row { sum += Double(value) }
            let mean = sum / Double(columns)
            var squares = 0.0
            for value in row {
                let deviation = Double(value) - mean
                squares += deviation * deviation
            }
            let factor = 1 / (squares / Double(columns) + Double(epsilon)).squareRoot()
            for column in 0..<columns {
                let normal = Float((Double(row[column]) - mean) * factor)
                row[column] = normal * gamma.values[column] + beta[column]
            }
        }
        return result
    }

    /// Divides each row by max(‖row‖₂, epsilon).
    func dividedByLength(epsilon: Float) -> Tensor {
        var result = self
        result.forEachRow { row in
            var squares = 0.0
            for value in row { squares += Double(value) * Double(value) }
            let length = max(squares.squareRoot(), Double(epsilon))
            for column in 0..<row.count { row[column] = Float(Double(row[column]) / length) }
        }
        return result
    }

    mutating func forEachRow(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
        let (rows, columns) = (rowCount, columnCount)
        values.withUnsafeMutableBufferPointer { all in
            for row in 0..<rows {
                let start = row * columns
                body(UnsafeMutableBufferPointer(rebasing: all[start..<start + columns]))
            }
        }
    }
}

extension Activation {
    func apply(_ tensor: Tensor) -> Tensor {
        switch self {
        case .relu: tensor.mapped { $1 < 0 ? 0 : $1 }
        case .gelu: tensor.mapped { $1 * 0.5 * (1 + erff($1 * 0.707_106_77)) }
        case .geluTanh:
            tensor.mapped {
                let inner = 0.797_884_56 * ($1 + 0.044_715 * $1 * $1 * $1)
                return 0.5 * $1 * (1 + tanhf(inner))
            }
        case .silu: tensor.mapped { $1 / (1 + expf(-$1)) }
        case .tanh: tensor.mapped { tanhf($1) }
        case .sigmoid: tensor.mapped { 1 / (1 + expf(-$1)) }
        }
    }
}

extension Pooling {
    /// - Parameter tensor: `[rows, columns]` with at least one row.
    /// - Returns: `[1, columns]`
    func apply(_ tensor: Tensor) -> Tensor {
        let (rows, columns) = (tensor.rowCount, tensor.columnCount)
        let pooled = (0..<columns).map { column in
            switch self {
            case .firstRow:
                return tensor.values[column]
            case .mean:
                var sum = 0.0
                for row in 0..<rows { sum += Double(tensor.values[row * columns + column]) }
                return Float(sum / Double(rows))
            case .maximum:
                var maximum = -Float.infinity
                for row in 0..<rows {
                    maximum = max(maximum, tensor.values[row * columns + column])
                }
                return maximum
            }
        }
        return Tensor(shape: [1, columns], values: pooled)
    }
}
