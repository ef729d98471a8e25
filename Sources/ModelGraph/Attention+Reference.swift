import Tensors

extension Attention {
    /// Scores that are kept at a time, for one head of one sequence.
    private static let blockElementCount = 1 << 20

    /// Queries of one sequence that are computed together.
    private struct Block {
        let sequence: Int
        /// Counted from the first query of the sequence.
        let queries: Range<Int>
    }

    /// softmax(scores) · V, sequence by sequence and head by head.
    ///
    /// Long sequences are computed some queries at a time, with the keys that any of these see, so
    /// the memory for scores is bounded.
    ///
    /// - Parameters:
    ///   - slopes: `[headCount]`; nil for zeros.
    ///   - sequences: The rows of the queries, and of the keys and values, that belong together.
    func apply(
        query: Tensor, key: Tensor, value: Tensor, slopes: [Float]? = nil,
        sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> Tensor {
        let width = headCount * valueSize
        var output = [Float](repeating: 0, count: query.rowCount * width)
        guard width > 0 else { return Tensor(shape: [query.rowCount, width], values: output) }
        let blocks = Self.blocks(of: sequences)
        output.withUnsafeMutableBufferPointer { output in
            nonisolated(unsafe) let output = output
            query.values.withUnsafeBufferPointer { q in
                key.values.withUnsafeBufferPointer { k in
                    value.values.withUnsafeBufferPointer { v in
                        nonisolated(unsafe) let (q, k, v) = (q, k, v)
                        let columns = (query.columnCount, key.columnCount, value.columnCount)
                        Parallel.forEachRange(of: blocks.count, grain: 1) { range in
                            guard let target = output.baseAddress, let q = q.baseAddress,
                                let k = k.baseAddress, let v = v.baseAddress
                            else { return }
                            for block in blocks[range] {
                                let (queries, keys) = sequences[block.sequence]
                                apply(
                                    .init(q + queries.lowerBound * columns.0, stride: columns.0),
                                    .init(k + keys.lowerBound * columns.1, stride: columns.1),
                                    .init(v + keys.lowerBound * columns.2, stride: columns.2),
                                    slopes: slopes, queries: block.queries,
                                    offset: keys.count - queries.count, keyCount: keys.count,
                                    output: target + queries.lowerBound * width)
                            }
                        }
                    }
                }
            }
        }
        return Tensor(shape: [query.rowCount, width], values: output)
    }

    private static func blocks(
        of sequences: [(queries: Range<Int>, keys: Range<Int>)]
    ) -> [Block] {
        sequences.enumerated().flatMap { index, sequence in
            let count = sequence.queries.count
            let size = max(1, blockElementCount / max(1, sequence.keys.count))
            return stride(from: 0, to: count, by: size).map {
                Block(sequence: index, queries: $0..<min(count, $0 + size))
            }
        }
    }

    /// Some queries of one sequence.
    ///
    /// - Parameters:
    ///   - query: The first row of the sequence; of the keys and values likewise.
    ///   - offset: The place of the first query of the sequence among the keys.
    ///   - output: `[queries, headCount · valueSize]`, the first row of the sequence.
    private func apply(
        _ query: MatrixProduct.MatrixView, _ key: MatrixProduct.MatrixView,
        _ value: MatrixProduct.MatrixView, slopes: [Float]?, queries: Range<Int>, offset: Int,
        keyCount: Int, output: UnsafeMutablePointer<Float>
    ) {
        let places = queries.lowerBound + offset..<queries.upperBound + offset
        let keys = visibleKeys(ofQueriesAt: places, keyCount: keyCount)
        var scores = [Float](repeating: 0, count: queries.count * keys.count)
        let group = headCount / keyValueHeadCount
        let width = headCount * valueSize
        scores.withUnsafeMutableBufferPointer { scores in
            guard let start = scores.baseAddress else { return }
            for head in 0..<headCount {
                let shared = head / group
                probabilities(
                    query.from(row: queries.lowerBound, column: head * headSize),
                    key.from(row: keys.lowerBound, column: shared * headSize),
                    slope: slopes?[head], places: places, keys: keys, keyCount: keyCount,
                    into: scores)
                MatrixProduct.multiply(
                    .init(UnsafePointer(start), stride: keys.count),
                    value.from(row: keys.lowerBound, column: shared * valueSize),
                    transposed: false,
                    into: output + queries.lowerBound * width + head * valueSize, stride: width,
                    rows: queries.count, columns: valueSize, depth: keys.count)
            }
        }
    }
}

extension MatrixProduct.MatrixView {
    fileprivate func from(row: Int, column: Int) -> MatrixProduct.MatrixView {
        MatrixProduct.MatrixView(start + row * stride + column, stride: stride)
    }
}
