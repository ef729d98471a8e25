import Glibc
package import Tensors

extension Attention {
    /// softmax(scale · Q · Kᵀ + mask) · V, sequence by sequence and head by head.
    ///
    /// - Parameter sequences: The rows of the queries, and of the keys and values, that belong
    ///   together.
    func apply(
        query: Tensor, key: Tensor, value: Tensor,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> Tensor {
        let width = headCount * valueSize
        var output = [Float](repeating: 0, count: query.rowCount * width)
        guard width > 0 else { return Tensor(shape: [query.rowCount, width], values: output) }
        output.withUnsafeMutableBufferPointer { output in
            nonisolated(unsafe) let output = output
            query.values.withUnsafeBufferPointer { q in
                key.values.withUnsafeBufferPointer { k in
                    value.values.withUnsafeBufferPointer { v in
                        nonisolated(unsafe) let (q, k, v) = (q, k, v)
                        let columns = (query.columnCount, key.columnCount, value.columnCount)
                        Parallel.forEachRange(of: sequences.count, grain: 1) { range in
                            for (queries, keys) in sequences[range] {
                                guard let target = output.baseAddress, let q = q.baseAddress,
                                    let k = k.baseAddress, let v = v.baseAddress
                                else { return }
                                apply(
                                    .init(q + queries.lowerBound * columns.0, stride: columns.0),
                                    .init(k + keys.lowerBound * columns.1, stride: columns.1),
                                    .init(v + keys.lowerBound * columns.2, stride: columns.2),
                                    queries: queries.count, keys: keys.count,
                                    output: target + queries.lowerBound * width)
                            }
                        }
                    }
                }
            }
        }
        return Tensor(shape: [query.rowCount, width], values: output)
    }

    /// One sequence; `output` is `[queries, headCount · valueSize]`.
    private func apply(
        _ query: MatrixProduct.MatrixView, _ key: MatrixProduct.MatrixView,
        _ value: MatrixProduct.MatrixView, queries: Int, keys: Int,
        output: UnsafeMutablePointer<Float>
    ) {
        var scores = [Float](repeating: 0, count: queries * keys)
        let group = headCount / keyValueHeadCount
        scores.withUnsafeMutableBufferPointer { scores in
            guard let start = scores.baseAddress else { return }
            for head in 0..<headCount {
                let shared = head / group
                MatrixProduct.multiply(
                    query.columns(from: head * headSize), key.columns(from: shared * headSize),
                    transposed: true, into: start, stride: keys, rows: queries, columns: keys,
                    depth: headSize, alpha: scale)
                applySoftmax(scores, queries: queries, keys: keys)
                MatrixProduct.multiply(
                    .init(UnsafePointer(start), stride: keys),
                    value.columns(from: shared * valueSize), transposed: false,
                    into: output + head * valueSize, stride: headCount * valueSize,
                    rows: queries, columns: valueSize, depth: keys)
            }
        }
    }

    /// What share of each query's output comes from which key, `[queries, keys]` for each sequence:
    /// probabilities times the lengths of the values, over all heads, so that they add up to 1.
    ///
    /// Keys that are looked at because their values are nearly zero, as separators often are, so
    /// count for little: Kobayashi et al. 2020 (arXiv 2004.10102).
    package func contributions(
        query: Tensor, key: Tensor, value: Tensor,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [[Float]] {
        var sums: [[Float]] = sequences.map {
            [Float](repeating: 0, count: $0.queries.count * $0.keys.count)
        }
        let lengths = valueLengths(value)
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        forEachHead(query: query, key: key, sequences: sequences) {
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
        query: Tensor, key: Tensor, sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [Double] {
        var sums = [Double](repeating: 0, count: headCount)
        forEachHead(query: query, key: key, sequences: sequences) { sequence, head, probabilities in
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
        query: Tensor, key: Tensor, sequences: [(queries: Range<Int>, keys: Range<Int>)],
        _ body: (_ sequence: Int, _ head: Int, UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let group = keyValueHeadCount == 0 ? 1 : headCount / keyValueHeadCount
        for (sequence, (queries, keys)) in sequences.enumerated() {
            var scores = [Float](repeating: 0, count: queries.count * keys.count)
            scores.withUnsafeMutableBufferPointer { scores in
                query.withRows(queries) { q in
                    key.withRows(keys) { k in
                        guard let q = q.baseAddress, let k = k.baseAddress,
                            let start = scores.baseAddress
                        else { return }
                        for head in 0..<headCount {
                            MatrixProduct.multiply(
                                .init(q + head * headSize, stride: query.columnCount),
                                .init(k + head / group * headSize, stride: key.columnCount),
                                transposed: true, into: start, stride: keys.count,
                                rows: queries.count, columns: keys.count, depth: headSize,
                                alpha: scale)
                            applySoftmax(scores, queries: queries.count, keys: keys.count)
                            body(sequence, head, scores)
                        }
                    }
                }
            }
        }
    }

    private func applySoftmax(
        _ scores: UnsafeMutableBufferPointer<Float>, queries: Int, keys: Int
    ) {
        for query in 0..<queries {
            let row = UnsafeMutableBufferPointer(
                rebasing: scores[query * keys..<(query + 1) * keys])
            // With a causal mask the last query sees the last key.
            let visible = mask == .causal ? max(0, min(keys, keys - queries + query + 1)) : keys
            var maximum = -Float.infinity
            for index in 0..<visible { maximum = max(maximum, row[index]) }
            var sum = 0.0
            for index in 0..<visible {
                row[index] = expf(row[index] - maximum)
                sum += Double(row[index])
            }
            let factor = Float(1 / sum)
            for index in 0..<visible { row[index] *= factor }
            for index in visible..<keys { row[index] = 0 }
        }
    }
}

extension MatrixProduct.MatrixView {
    fileprivate func columns(from column: Int) -> MatrixProduct.MatrixView {
        MatrixProduct.MatrixView(start + column, stride: stride)
    }
}
