import CEdgeKernels
import EdgeFormat

extension Interpreter {
    /// Attention over floats, or over packed heads.
    func attend(query: Int, key: Int, value: Int, output: Int, shape: AttentionShape) {
        let queries = rowCount(query)
        var native = edgek_attention_shape(
            shape, queryCount: queries, keyCount: rowCount(key))
        native.y = floats(output)
        native.y_stride = Int64(program.values[output].columnCount)
        switch shape.arithmetic {
        case .float:
            var task = edgek_attention_f32(
                shape: native, queries: floats(query),
                query_stride: Int64(program.values[query].columnCount), keys: floats(key),
                key_stride: Int64(program.values[key].columnCount), values: floats(value),
                value_stride: Int64(program.values[value].columnCount))
            withUnsafePointer(to: &task) { task in
                overQueries(heads: shape.headCount, queries: queries) { head, first, end, thread in
                    kernels.attention_f32(
                        task, head, first, end, kernelScratch(thread: thread))
                }
            }
        case .int8:
            var task = edgek_attention_s8(
                shape: native, queries: shared(query), keys: shared(key), values: shared(value))
            withUnsafePointer(to: &task) { task in
                overQueries(heads: shape.headCount, queries: queries) { head, first, end, thread in
                    kernels.attention_s8(task, head, first, end, kernelScratch(thread: thread))
                }
            }
        }
    }

    /// One task per head and block of queries; blocks start at multiples of EDGEK_ROW_GRAIN.
    private func overQueries(
        heads: Int, queries: Int, _ work: (Int64, Int64, Int64, Int) -> Void
    ) {
        let threads = session.pool.threadCount
        // Whole heads, whose keys stay in a cache, as far as they can be shared out.
        let isShared = threads == 1 || heads >= 4 * threads
        let block = isShared ? max(1, queries) : 2 * Int(EDGEK_ROW_GRAIN)
        let blocks = (queries + block - 1) / block
        session.pool.run(heads * blocks) { task, thread in
            let first = task % blocks * block
            work(Int64(task / blocks), Int64(first), Int64(min(queries, first + block)), thread)
        }
    }
}
