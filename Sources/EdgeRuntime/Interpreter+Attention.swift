import CEdgeKernels
import EdgeFormat

extension Interpreter {
    func attention(
        query: Int, key: Int, value: Int, output: Int, shape: AttentionShape, index: Int
    ) throws(RuntimeError) {
        let queries = rowCount(query)
        let keys = rowCount(key)
        var native = edgek_attention_shape(shape, queryCount: queries, keyCount: keys)
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
                    kernels.attention_f32(task, head, first, end, scratch(thread: thread))
                }
            }
        case .int8:
            var task = try quantizedAttention(
                native, query: query, key: key, value: value, shape: shape, index: index)
            withUnsafePointer(to: &task) { task in
                overQueries(heads: shape.headCount, queries: queries) { head, first, end, thread in
                    kernels.attention_s8(task, head, first, end, scratch(thread: thread))
                }
            }
        }
    }

    /// Quantizes queries, keys and values by token and head.
    private func quantizedAttention(
        _ native: edgek_attention_shape, query: Int, key: Int, value: Int, shape: AttentionShape,
        index: Int
    ) throws(RuntimeError) -> edgek_attention_s8 {
        let layout = AttentionCodes(
            shape, queryCount: Int(native.query_count), keyCount: Int(native.key_count))
        let base = plan.attentionOffset
        let queryCodes = arena.bytes(at: base + layout.queryCodes)
        let keyCodes = arena.bytes(at: base + layout.keyCodes)
        let valueCodes = arena.bytes(at: base + layout.valueCodes)
        let queryScales = arena.floats(at: base + layout.queryScales)
        let keyScales = arena.floats(at: base + layout.keyScales)
        let valueScales = arena.floats(at: base + layout.valueScales)
        try quantizeHeads(
            query, heads: shape.headCount, size: shape.headSize, queryCodes, layout.queryStride,
            queryScales, index)
        try quantizeHeads(
            key, heads: shape.keyValueHeadCount, size: shape.headSize, keyCodes,
            layout.queryStride, keyScales, index)
        try quantizeHeads(
            value, heads: shape.keyValueHeadCount, size: shape.valueSize, valueCodes,
            layout.valueStride, valueScales, index)
        return edgek_attention_s8(
            shape: native, query_codes: queryCodes, query_scales: queryScales,
            query_code_stride: Int64(layout.queryStride), key_codes: keyCodes,
            key_scales: keyScales, key_code_stride: Int64(layout.queryStride),
            value_codes: valueCodes, value_scales: valueScales,
            value_code_stride: Int64(layout.valueStride))
    }

    private func quantizeHeads(
        _ value: Int, heads: Int, size: Int, _ codes: UnsafeMutablePointer<Int8>, _ stride: Int,
        _ scales: UnsafeMutablePointer<Float>, _ index: Int
    ) throws(RuntimeError) {
        let x = floats(value)
        let rows = rowCount(value)
        let columns = program.values[value].columnCount
        var failures = [Int](repeating: -1, count: session.pool.threadCount)
        failures.withUnsafeMutableBufferPointer { failures in
            overRows(rows, grain: 8) { first, end, thread in
                let failure = kernels.quantize_heads(
                    x, Int64(columns), Int64(rows), Int64(first), Int64(end), Int64(heads),
                    Int64(size), codes, Int64(stride), scales)
                if failure >= 0, failures[thread] < 0 { failures[thread] = Int(failure) }
            }
        }
        if let row = failures.filter({ $0 >= 0 }).min() {
            throw .notFinite(instruction: index, row: row)
        }
    }

    /// One task per head and block of queries.
    private func overQueries(
        heads: Int, queries: Int, _ work: (Int64, Int64, Int64, Int) -> Void
    ) {
        let block = session.pool.threadCount == 1 ? max(1, queries) : 64
        let blocks = (queries + block - 1) / block
        session.pool.run(heads * blocks) { task, thread in
            let first = task % blocks * block
            work(Int64(task / blocks), Int64(first), Int64(min(queries, first + block)), thread)
        }
    }
}
