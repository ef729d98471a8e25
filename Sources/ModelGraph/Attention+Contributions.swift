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
        var sums: [[Float]] = sequences.map {
            [Float](repeating: 0, count: $0.queries.count * $0.keys.count)
        }
        let lengths = valueLengths(value)
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        forEachHead(query: query, key: key, slopes: slopes, sequences: sequences) {
            sequence, head, probabilities in
            let keys = sequences[sequence].keys
            for index in sums[sequence].indices {
                let row = keys.lowerBound + index % keys.count
                sums[sequence][index] +=
                    probabilities[index] * lengths[row * keyValueHeadCount + head / group]
            }
        }
        for (sequence, (queries, keys)) in sequences.enumerated() where !keys.isEmpty {
            for query in 0..<queries.count {
                let row = query * keys.count..<(query + 1) * keys.count
                let total = sums[sequence][row].reduce(0, +)
                for index in row where total > 0 { sums[sequence][index] /= total }
            }
        }
        return sums
    }

    /// ‖v‖ of every row and head, `[rows, keyValueHeadCount]`.
    private func valueLengths(_ value: Tensor) -> [Float] {
        (0..<value.rowCount * keyValueHeadCount).map { index in
            let start =
                index / keyValueHeadCount * value.columnCount
                + index % keyValueHeadCount * valueSize
            var squares: Float = 0
            for column in start..<start + valueSize {
                squares += value.values[column] * value.values[column]
            }
            return squares.squareRoot()
        }
    }

    /// The largest probability that each head gives a key, the mean over all queries.
    package func meanConfidence(
        query: Tensor, key: Tensor, slopes: [Float]? = nil,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [Double] {
        var sums = [Double](repeating: 0, count: headCount)
        forEachHead(query: query, key: key, slopes: slopes, sequences: sequences) {
            sequence, head, probabilities in
            let keys = sequences[sequence].keys.count
            for first in stride(from: 0, to: probabilities.count, by: max(1, keys)) {
                sums[head] += Double(probabilities[first..<first + keys].max() ?? 0)
            }
        }
        let count = sequences.reduce(0) { $0 + $1.queries.count }
        return sums.map { $0 / Double(max(1, count)) }
    }

    /// Calls `body` with the probabilities `[queries, keys]` of every sequence and head.
    private func forEachHead(
        query: Tensor, key: Tensor, slopes: [Float]?,
        sequences: [(queries: Range<Int>, keys: Range<Int>)],
        _ body: (_ sequence: Int, _ head: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        for (sequence, (queries, keys)) in sequences.enumerated() {
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
                            body(sequence, head, scores)
                        }
                    }
                }
            }
        }
    }
}
