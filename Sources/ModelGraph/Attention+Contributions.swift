package import Tensors

extension Attention {
    /// What share of each query's output comes from which key, `[queries, keys]` for each sequence:
    /// probabilities times the lengths of the values, over all heads, so that they add up to 1.
    ///
    /// Keys that are looked at because their values are nearly zero, as separators often are, so
    /// count for little: Kobayashi et al. 2020 (arXiv 2004.10102).
    package func contributions(
        query: Tensor, key: Tensor, value: Tensor, slopes: [Float]? = nil,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [[Float]] {
        let lengths = valueLengths(value)
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        var sums: [[Float]] = sequences.map { _ in [] }
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            Parallel.forEachRange(of: sequences.count, grain: 1) { range in
                for sequence in range {
                    let (queries, keys) = sequences[sequence]
                    var sum = [Float](repeating: 0, count: queries.count * keys.count)
                    forEachHead(
                        query: query, key: key, slopes: slopes, queries: queries, keys: keys
                    ) { head, probabilities in
                        let first = head / group * value.rowCount
                        lengths.withUnsafeBufferPointer { lengths in
                            Self.add(
                                probabilities,
                                times: UnsafeBufferPointer(
                                    rebasing: lengths[
                                        first + keys.lowerBound..<first + keys.upperBound]),
                                to: &sum)
                        }
                    }
                    Self.divideRowsBySum(&sum, columnCount: keys.count)
                    sums[sequence] = sum
                }
            }
        }
        return sums
    }

    /// Adds probabilities[q, k] · lengths[k] to sum[q, k].
    private static func add(
        _ probabilities: UnsafeMutableBufferPointer<Float>,
        times lengths: UnsafeBufferPointer<Float>, to sum: inout [Float]
    ) {
        sum.withUnsafeMutableBufferPointer { sum in
            for row in stride(from: 0, to: sum.count, by: max(1, lengths.count)) {
                for key in 0..<lengths.count {
                    sum[row + key] += probabilities[row + key] * lengths[key]
                }
            }
        }
    }

    private static func divideRowsBySum(_ values: inout [Float], columnCount: Int) {
        values.withUnsafeMutableBufferPointer { values in
            for first in stride(from: 0, to: values.count, by: max(1, columnCount)) {
                let row = UnsafeMutableBufferPointer(rebasing: values[first..<first + columnCount])
                let total = row.reduce(0, +)
                guard total > 0 else { continue }
                for index in row.indices { row[index] /= total }
            }
        }
    }

    /// ‖v‖ of every head and row, `[keyValueHeadCount, rows]`.
    private func valueLengths(_ value: Tensor) -> [Float] {
        let (rows, columns) = (value.rowCount, value.columnCount)
        var lengths = [Float](repeating: 0, count: rows * keyValueHeadCount)
        value.values.withUnsafeBufferPointer { value in
            for head in 0..<keyValueHeadCount {
                for row in 0..<rows {
                    let start = row * columns + head * valueSize
                    var squares: Float = 0
                    for column in start..<start + valueSize {
                        squares += value[column] * value[column]
                    }
                    lengths[head * rows + row] = squares.squareRoot()
                }
            }
        }
        return lengths
    }

    /// The largest probability that each head gives a key, the mean over all queries.
    package func meanConfidence(
        query: Tensor, key: Tensor, slopes: [Float]? = nil,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [Double] {
        var sums = [Double](repeating: 0, count: headCount)
        for (queries, keys) in sequences {
            forEachHead(query: query, key: key, slopes: slopes, queries: queries, keys: keys) {
                head, probabilities in
                for first in stride(from: 0, to: probabilities.count, by: max(1, keys.count)) {
                    let row = probabilities[first..<first + keys.count]
                    sums[head] += Double(row.max() ?? 0)
                }
            }
        }
        let count = sequences.reduce(0) { $0 + $1.queries.count }
        return sums.map { $0 / Double(max(1, count)) }
    }

    /// Calls `body` with the probabilities `[queries, keys]` of every head of one sequence.
    private func forEachHead(
        query: Tensor, key: Tensor, slopes: [Float]?, queries: Range<Int>, keys: Range<Int>,
        _ body: (_ head: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        var scores = [Float](repeating: 0, count: queries.count * keys.count)
        scores.withUnsafeMutableBufferPointer { scores in
            query.withRows(queries) { q in
                key.withRows(keys) { k in
                    guard let q = q.baseAddress, let k = k.baseAddress else { return }
                    let offset = keys.count - queries.count
                    for head in 0..<headCount {
                        probabilities(
                            .init(q + head * headSize, stride: query.columnCount),
                            .init(k + head / group * headSize, stride: key.columnCount),
                            slope: slopes?[head], places: offset..<offset + queries.count,
                            keys: 0..<keys.count, keyCount: keys.count, into: scores)
                        body(head, scores)
                    }
                }
            }
        }
    }
}
