import CElementaryFunctions
import Glibc
package import Tensors

extension Tensor {
    func adding(_ other: Tensor) -> Tensor {
        combined(with: other) { range, x, y, sum in
            for index in range { sum[index] = x[index] + y[index] }
        }
    }

    /// x + (y − z), element by element.
    package func adding(_ other: Tensor, minus subtracted: Tensor) -> Tensor {
        other.combined(with: subtracted) { range, y, z, difference in
            for index in range { difference[index] = y[index] - z[index] }
        }.adding(self)
    }

    /// The product element by element.
    func multiplying(_ other: Tensor) -> Tensor {
        combined(with: other) { range, x, y, product in
            for index in range { product[index] = x[index] * y[index] }
        }
    }

    /// Applies a function to each element, which it gets with its index.
    func mapped(_ body: @Sendable (Int, Float) -> Float) -> Tensor {
        mappedRanges { range, input, output in
            for index in range { output[index] = body(index, input[index]) }
        }
    }

    /// Applies a function to ranges of elements, several at a time.
    ///
    /// - Parameter body: Gets a range, the elements, and memory for the results.
    func mappedRanges(
        _ body: @Sendable (Range<Int>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) -> Tensor {
        let result = [Float](unsafeUninitializedCapacity: values.count) { output, count in
            count = values.count
            values.withUnsafeBufferPointer { input in
                guard let input = input.baseAddress, let output = output.baseAddress else { return }
                nonisolated(unsafe) let (x, y) = (input, output)
                Parallel.forEachRange(of: values.count, grain: 1 << 14) { body($0, x, y) }
            }
        }
        return Tensor(shape: shape, values: result)
    }

    /// Applies a function to ranges of elements of two tensors of one size, several at a time.
    ///
    /// - Parameter body: Gets a range, the elements of both, and memory for the results.
    private func combined(
        with other: Tensor,
        _ body:
            @Sendable (
                Range<Int>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>
            ) -> Void
    ) -> Tensor {
        precondition(values.count == other.values.count, "tensors to combine have one size")
        return other.values.withUnsafeBufferPointer { other in
            guard let other = other.baseAddress else { return self }
            nonisolated(unsafe) let second = other
            return mappedRanges { range, first, output in body(range, first, second, output) }
        }
    }

    /// Applies a function to a copy of each row, several at a time.
    ///
    /// - Parameter body: Gets the index of a row and the row, which it changes in place.
    func mappedRows(_ body: @Sendable (Int, UnsafeMutableBufferPointer<Float>) -> Void) -> Tensor {
        let (rows, columns) = (rowCount, columnCount)
        let result = [Float](unsafeUninitializedCapacity: values.count) { output, count in
            count = values.count
            values.withUnsafeBufferPointer { input in
                guard let input = input.baseAddress, let output = output.baseAddress else { return }
                nonisolated(unsafe) let (source, target) = (input, output)
                Parallel.forEachRange(
                    of: rows, grain: max(1, (1 << 14) / max(1, columns))
                ) { range in
                    for row in range {
                        let target = target + row * columns
                        target.initialize(from: source + row * columns, count: columns)
                        body(row, UnsafeMutableBufferPointer(start: target, count: columns))
                    }
                }
            }
        }
        return Tensor(shape: shape, values: result)
    }

    /// Multiplies each column with its factor.
    package func multiplyingColumns(by factors: [Float]) -> Tensor {
        factors.withUnsafeBufferPointer { factors in
            nonisolated(unsafe) let factors = factors
            return mappedRows { _, row in
                for column in 0..<row.count { row[column] *= factors[column] }
            }
        }
    }

    /// Normalizes each row to mean 0 and variance 1, then applies `gamma` and `beta`.
    func normalized(gamma: Tensor, beta: Tensor?, epsilon: Float) -> Tensor {
        let columns = columnCount
        let beta = beta?.values ?? [Float](repeating: 0, count: columns)
        return mappedRows { _, row in
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
    }

    /// Divides each group of as many columns as `gamma` has by its root mean square, then applies
    /// `gamma`.
    func normalizedByRootMeanSquare(gamma: Tensor, epsilon: Float) -> Tensor {
        let size = gamma.elementCount
        return mappedRows { _, row in
            for start in stride(from: 0, to: row.count, by: size) {
                var squares = 0.0
                for column in start..<start + size {
                    squares += Double(row[column]) * Double(row[column])
                }
                let factor = Float(1 / (squares / Double(size) + Double(epsilon)).squareRoot())
                for column in 0..<size {
                    row[start + column] = row[start + column] * factor * gamma.values[column]
                }
            }
        }
    }

    /// Divides each row by max(‖row‖₂, epsilon).
    func dividedByLength(epsilon: Float) -> Tensor {
        mappedRows { _, row in
            var squares = 0.0
            for value in row { squares += Double(value) * Double(value) }
            let length = max(squares.squareRoot(), Double(epsilon))
            for column in 0..<row.count { row[column] = Float(Double(row[column]) / length) }
        }
    }
}

extension Activation {
    func apply(_ tensor: Tensor) -> Tensor {
        switch self {
        case .relu: tensor.mapped { $1 < 0 ? 0 : $1 }
        case .gelu:
            tensor.mappedRanges { range, x, y in
                atn_gelu(x + range.lowerBound, y + range.lowerBound, range.count)
            }
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
    /// - Parameters:
    ///   - tensor: `[rows, columns]`
    ///   - sequences: The rows that become one row, at least one each.
    /// - Returns: `[sequences.count, columns]`
    func apply(_ tensor: Tensor, sequences: [Range<Int>]) -> Tensor {
        let columns = tensor.columnCount
        var pooled: [Float] = []
        pooled.reserveCapacity(sequences.count * columns)
        for rows in sequences {
            for column in 0..<columns {
                pooled.append(apply(tensor, rows: rows, column: column))
            }
        }
        return Tensor(shape: [sequences.count, columns], values: pooled)
    }

    private func apply(_ tensor: Tensor, rows: Range<Int>, column: Int) -> Float {
        let columns = tensor.columnCount
        switch self {
        case .firstRow:
            return tensor.values[rows.lowerBound * columns + column]
        case .lastRow:
            return tensor.values[(rows.upperBound - 1) * columns + column]
        case .mean:
            var sum = 0.0
            for row in rows { sum += Double(tensor.values[row * columns + column]) }
            return Float(sum / Double(rows.count))
        case .maximum:
            return rows.reduce(-Float.infinity) { max($0, tensor.values[$1 * columns + column]) }
        }
    }
}
