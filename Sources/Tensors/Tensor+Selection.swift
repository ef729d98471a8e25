/// Parts of a matrix `[rows, columns]`.
extension Tensor {
    /// Lends some rows, which lie one after the other.
    package func withRows<Result>(
        _ rows: Range<Int>, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) -> Result {
        let range = rows.lowerBound * columnCount..<rows.upperBound * columnCount
        return values.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[range]))
        }
    }

    /// Some rows, in the given order.
    package func selectingRows(_ rows: some Collection<Int>) -> Tensor {
        var selected: [Float] = []
        selected.reserveCapacity(rows.count * columnCount)
        for row in rows {
            selected += values[row * columnCount..<(row + 1) * columnCount]
        }
        return Tensor(shape: [rows.count, columnCount], values: selected)
    }

    /// Some columns, in the given order.
    package func selectingColumns(_ columns: some Collection<Int>) -> Tensor {
        let (columns, width, rows) = (Array(columns), columnCount, rowCount)
        precondition(columns.allSatisfy { 0 <= $0 && $0 < width }, "the columns must be there")
        let count = rows * columns.count
        let selected = [Float](unsafeUninitializedCapacity: count) { output, initialized in
            initialized = count
            values.withUnsafeBufferPointer { values in
                guard count > 0, let input = values.baseAddress, let output = output.baseAddress
                else { return }
                nonisolated(unsafe) let (source, target) = (input, output)
                Parallel.forEachRange(of: rows, grain: max(1, (1 << 14) / columns.count)) { range in
                    for row in range {
                        let (from, to) = (source + row * width, target + row * columns.count)
                        for (place, column) in columns.enumerated() { to[place] = from[column] }
                    }
                }
            }
        }
        return Tensor(shape: [rows, columns.count], values: selected)
    }

    /// The mean of each column over some rows; zeros if there are none.
    package func columnMeans(rows: Range<Int>) -> [Double] {
        var sums = [Double](repeating: 0, count: columnCount)
        guard !rows.isEmpty else { return sums }
        withRows(rows) { values in
            sums.withUnsafeMutableBufferPointer { sums in
                for start in stride(from: 0, to: values.count, by: max(1, sums.count)) {
                    for column in 0..<sums.count { sums[column] += Double(values[start + column]) }
                }
            }
        }
        return sums.map { $0 / Double(rows.count) }
    }

    /// The largest magnitude in each column over some rows.
    package func columnMaxima(rows: Range<Int>) -> [Float] {
        var maxima = [Float](repeating: 0, count: columnCount)
        withRows(rows) { values in
            maxima.withUnsafeMutableBufferPointer { maxima in
                for start in stride(from: 0, to: values.count, by: max(1, maxima.count)) {
                    for column in 0..<maxima.count {
                        maxima[column] = max(maxima[column], abs(values[start + column]))
                    }
                }
            }
        }
        return maxima
    }
}
