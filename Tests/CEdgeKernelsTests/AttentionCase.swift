import CEdgeKernels
import Testing

/// One attention problem with made-up operands that depend on the case only.
struct AttentionCase {
    var queryCount: Int
    var keyCount: Int
    var headCount = 1
    var keyValueHeadCount = 1
    var headSize: Int
    var valueSize: Int
    var isCausal = false
    /// Rows of packed keys and values without keys behind the others.
    var freeRows = 0
    var window = 0
    var scoreCap: Float = 0
    var hasSlopes = false
    var range: Float = 1
    /// Factor of the values from the second key block on.
    var laterValueFactor: Float = 1

    private var queryStride: Int { headCount * headSize + 1 }
    private var keyStride: Int { keyValueHeadCount * headSize + 2 }
    private var valueStride: Int { keyValueHeadCount * valueSize + 3 }
    var yStride: Int { headCount * valueSize + 1 }
    private var scale: Float { 0.3 }
    private var seed: Int { queryCount * 7 + keyCount * 101 + headSize * 1009 + valueSize }

    struct Operands {
        var queries: UnsafeMutablePointer<Float>
        var keys: UnsafeMutablePointer<Float>
        var values: UnsafeMutablePointer<Float>
    }

    private func operands(_ arena: Arena) -> Operands {
        let values = arena.floats(keyCount * valueStride, range: 3)
        for i in 0..<keyCount * valueStride where i >= 64 * valueStride {
            values[i] *= laterValueFactor
        }
        return Operands(
            queries: arena.floats(queryCount * queryStride, range: range),
            keys: arena.floats(keyCount * keyStride, range: range), values: values)
    }

    private func slope(_ head: Int) -> Float { 0.7 / Float(1 + head) }

    private func shape(
        _ y: UnsafeMutablePointer<Float>, _ arena: Arena
    ) -> edgek_attention_shape {
        let slopes = hasSlopes ? arena.copy((0..<headCount).map(slope)) : nil
        return edgek_attention_shape(
            query_count: Int64(queryCount), key_count: Int64(keyCount),
            head_count: Int64(headCount), key_value_head_count: Int64(keyValueHeadCount),
            head_size: Int64(headSize), value_size: Int64(valueSize), scale: scale,
            causal: isCausal ? 1 : 0, key_capacity: Int64(keyCount + freeRows),
            window: Int64(window), score_cap: scoreCap, slopes: slopes, y: y,
            y_stride: Int64(yStride))
    }

    /// The whole output buffer of `attention_f32`, the queries in two ranges.
    func runFloat(_ kernels: Kernels) -> [Float] {
        Arena.with(seed: seed) { arena in
            let operands = operands(arena)
            let y = arena.floats(queryCount * yStride)
            var task = edgek_attention_f32(
                shape: shape(y, arena), queries: operands.queries, query_stride: Int64(queryStride),
                keys: operands.keys, key_stride: Int64(keyStride), values: operands.values,
                value_stride: Int64(valueStride))
            let scratch = arena.bytes(Int(kernels.table.attention_scratch_bytes(&task.shape)))
            let cut = Int64(queryCount / 2)
            for head in 0..<Int64(headCount) {
                kernels.table.attention_f32(&task, head, cut, Int64(queryCount), scratch)
                kernels.table.attention_f32(&task, head, 0, cut, scratch)
            }
            return (0..<queryCount * yStride).map { y[$0] }
        }
    }

    /// The whole output buffer of `attention_s8` over heads that the same table packed.
    func runQuantized(_ kernels: Kernels) -> [Float] {
        Arena.with(seed: seed) { arena in
            let operands = operands(arena)
            let y = arena.floats(queryCount * yStride)
            func pack(
                _ role: edgek_head_role, _ x: UnsafeMutablePointer<Float>, stride: Int, rows: Int,
                free: Int = 0, heads: Int, size: Int
            ) -> UnsafeMutableRawPointer {
                let capacity = Int64(rows + free)
                let packed = arena.bytes(
                    Int(
                        kernels.table.packed_head_bytes(
                            role, capacity, Int64(heads), Int64(size))))
                // In two ranges of rows, the later first.
                let cut = Int64(rows) / 2 / 16 * 16
                for range in [cut..<Int64(rows), 0..<cut] {
                    let bad = kernels.table.quantize_heads(
                        role, x, Int64(stride), capacity, range.lowerBound, range.upperBound,
                        Int64(heads), Int64(size), packed)
                    #expect(bad == -1)
                }
                return packed
            }
            let queries = pack(
                EDGEK_QUERIES, operands.queries, stride: queryStride, rows: queryCount,
                heads: headCount, size: headSize)
            let keys = pack(
                EDGEK_KEYS, operands.keys, stride: keyStride, rows: keyCount, free: freeRows,
                heads: keyValueHeadCount, size: headSize)
            let values = pack(
                EDGEK_VALUES, operands.values, stride: valueStride, rows: keyCount, free: freeRows,
                heads: keyValueHeadCount, size: valueSize)
            var task = edgek_attention_s8(
                shape: shape(y, arena), queries: queries, keys: keys, values: values)
            let scratch = arena.bytes(Int(kernels.table.attention_scratch_bytes(&task.shape)))
            let cut = Int64(queryCount / 3 / 16 * 16)
            for head in 0..<Int64(headCount) {
                kernels.table.attention_s8(&task, head, cut, Int64(queryCount), scratch)
                kernels.table.attention_s8(&task, head, 0, cut, scratch)
            }
            return (0..<queryCount * yStride).map { y[$0] }
        }
    }

    /// Softmax attention in Double, [queryCount, headCount · valueSize]; zeros without keys.
    func exact() -> [Double] {
        Arena.with(seed: seed) { arena in
            let operands = operands(arena)
            var y: [Double] = []
            for query in 0..<queryCount {
                let place = query + keyCount - queryCount
                let end = isCausal ? max(0, place + 1) : keyCount
                let first = isCausal && window > 0 ? max(0, place + 1 - window) : 0
                for head in 0..<headCount {
                    let kvHead = head / (headCount / keyValueHeadCount)
                    let scores = (first..<end).map { key in
                        var sum = 0.0
                        for d in 0..<headSize {
                            let q = operands.queries[query * queryStride + head * headSize + d]
                            sum +=
                                Double(q)
                                * Double(operands.keys[key * keyStride + kvHead * headSize + d])
                        }
                        var score = sum * Double(scale)
                        if scoreCap > 0 {
                            score = Double(scoreCap) * exactTanh(score / Double(scoreCap))
                        }
                        if hasSlopes { score += Double(slope(head)) * Double(key - place) }
                        return score
                    }
                    let largest = scores.max() ?? 0
                    let weights = scores.map { exponential($0 - largest) }
                    let total = weights.reduce(0, +)
                    for d in 0..<valueSize {
                        var sum = 0.0
                        for key in first..<end {
                            let v = operands.values[key * valueStride + kvHead * valueSize + d]
                            sum += weights[key - first] * Double(v)
                        }
                        y.append(first < end ? sum / total : 0)
                    }
                }
            }
            return y
        }
    }
}
