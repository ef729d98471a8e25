import Glibc
import Tensors

extension Attention {
    /// softmax(scale · Q · Kᵀ + mask) · V, head by head.
    func apply(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
        let (queries, keys) = (query.rowCount, key.rowCount)
        let width = headCount * valueSize
        var output = [Float](repeating: 0, count: queries * width)
        guard width > 0 else { return Tensor(shape: [queries, width], values: output) }
        var scores = [Float](repeating: 0, count: queries * keys)
        let group = headCount / keyValueHeadCount
        for head in 0..<headCount {
            let shared = head / group
            scores.withUnsafeMutableBufferPointer { scores in
                guard let start = scores.baseAddress else { return }
                withView(of: query, column: head * headSize) { q in
                    withView(of: key, column: shared * headSize) { k in
                        MatrixProduct.multiply(
                            q, k, transposed: true, into: start, stride: keys, rows: queries,
                            columns: keys, depth: headSize, alpha: scale)
                    }
                }
                applySoftmax(scores, queries: queries, keys: keys)
                output.withUnsafeMutableBufferPointer { output in
                    guard let target = output.baseAddress else { return }
                    withView(of: value, column: shared * valueSize) { v in
                        MatrixProduct.multiply(
                            .init(UnsafePointer(start), stride: keys), v, transposed: false,
                            into: target + head * valueSize, stride: width, rows: queries,
                            columns: valueSize, depth: keys)
                    }
                }
            }
        }
        return Tensor(shape: [queries, width], values: output)
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

    private func withView(
        of tensor: Tensor, column: Int, _ body: (MatrixProduct.MatrixView) -> Void
    ) {
        tensor.values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            body(MatrixProduct.MatrixView(start + column, stride: tensor.columnCount))
        }
    }
}
