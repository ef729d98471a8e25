import CEdgeKernels
import EdgeFormat

extension Interpreter {
    /// Attention over floats, or over packed heads, of each sequence for itself.
    func attend(query: Int, key: Int, value: Int, output: Int, shape: AttentionShape) {
        let columns = program.values[output].columnCount
        func native(_ sequence: Int) -> edgek_attention_shape {
            let queries = rows(query, of: sequence)
            let past = past(of: sequence)
            var native = edgek_attention_shape(
                shape, queryCount: queries.count,
                keyCount: past + rows(key, of: sequence).count)
            if !caches.isEmpty { native.key_capacity = Int64(caches[sequence].capacity) }
            native.slopes = vector(shape.slopes)
            native.y = floats(output) + queries.lowerBound * columns
            native.y_stride = Int64(columns)
            return native
        }
        switch shape.arithmetic {
        case .float:
            func operand(_ value: Int, _ sequence: Int) -> (UnsafeMutablePointer<Float>, Int64) {
                let columns = steps.objects[value].columnCount
                if let cached = cached(value, sequence) {
                    return (cached.assumingMemoryBound(to: Float.self), Int64(columns))
                }
                let first = rows(value, of: sequence).lowerBound
                return (floats(value) + first * columns, Int64(columns))
            }
            var tasks = (0..<self.shape.sequenceCount).map { sequence in
                let (q, queryStride) = operand(query, sequence)
                let (k, keyStride) = operand(key, sequence)
                let (v, valueStride) = operand(value, sequence)
                return edgek_attention_f32(
                    shape: native(sequence), queries: q, query_stride: queryStride, keys: k,
                    key_stride: keyStride, values: v, value_stride: valueStride)
            }
            tasks.withUnsafeMutableBufferPointer { tasks in
                overQueries(query, heads: shape.headCount) { part, thread in
                    kernels.attention_f32(
                        tasks.baseAddress! + part.sequence, Int64(part.head),
                        Int64(part.queries.lowerBound), Int64(part.queries.upperBound),
                        kernelScratch(thread: thread))
                }
            }
        case .int8:
            func heads(_ object: Int, _ sequence: Int) -> UnsafeMutableRawPointer {
                cached(object, sequence)
                    ?? shared(object) + plan.headOffsets[object][sequence]
            }
            var tasks = (0..<self.shape.sequenceCount).map { sequence in
                edgek_attention_s8(
                    shape: native(sequence), queries: heads(query, sequence),
                    keys: heads(key, sequence), values: heads(value, sequence))
            }
            tasks.withUnsafeMutableBufferPointer { tasks in
                overQueries(query, heads: shape.headCount) { part, thread in
                    kernels.attention_s8(
                        tasks.baseAddress! + part.sequence, Int64(part.head),
                        Int64(part.queries.lowerBound), Int64(part.queries.upperBound),
                        kernelScratch(thread: thread))
                }
            }
        }
    }

    /// Where the keys or values of a sequence lie if a cache has them.
    private func cached(_ object: Int, _ sequence: Int) -> UnsafeMutableRawPointer? {
        guard case .cached(let place) = steps.objects[object].content else { return nil }
        return caches[sequence].entry(at: place).start
    }

    /// Some queries of one head of one sequence.
    private struct Part {
        var sequence: Int
        var head: Int
        /// Counted from the first of the sequence.
        var queries: Range<Int>
    }

    /// Calls `work` with parts that cover all queries and start at multiples of EDGEK_ROW_GRAIN.
    private func overQueries(_ query: Int, heads: Int, _ work: (Part, _ thread: Int) -> Void) {
        let threads = session.pool.threadCount
        let longest = (0..<shape.sequenceCount).reduce(0) {
            max($0, rows(query, of: $1).count)
        }
        // Whole heads, whose keys stay in a cache, as far as they can be shared out.
        let areEnough = threads == 1 || heads * shape.sequenceCount >= 4 * threads
        let block = areEnough ? max(1, longest) : 2 * Int(EDGEK_ROW_GRAIN)
        let blocks = (longest + block - 1) / block
        session.pool.run(shape.sequenceCount * heads * blocks) { task, thread in
            let (sequence, rest) = task.quotientAndRemainder(dividingBy: heads * blocks)
            let count = rows(query, of: sequence).count
            let first = rest % blocks * block
            guard first < count else { return }
            work(
                Part(
                    sequence: sequence, head: rest / blocks,
                    queries: first..<min(count, first + block)), thread)
        }
    }
}
