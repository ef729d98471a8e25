import CEdgeKernels
import EdgeFormat

extension Interpreter {
    /// Adds the rows of a value to the caches of their sequences.
    func append(_ value: Int, to cached: Int, instruction: Int) throws(RuntimeError) {
        guard case .cached(let place) = steps.objects[cached].content else { return }
        for sequence in 0..<shape.sequenceCount {
            let entry = caches[sequence].entry(at: place)
            let rows = rows(value, of: sequence)
            let x = floats(value) + rows.lowerBound * entry.columnCount
            let past = past(of: sequence)
            if entry.isPacked {
                let bad = pack(
                    x, rows.count, behind: past, into: entry, capacity: caches[sequence].capacity)
                if let bad {
                    throw .notFinite(instruction: instruction, row: rows.lowerBound + bad)
                }
            } else {
                (entry.start + past * entry.columnCount * 4).copyMemory(
                    from: x, byteCount: rows.count * entry.columnCount * 4)
            }
        }
    }

    /// Packs rows `past` and the following of a sequence.
    ///
    /// - Returns: the first row, counted from `x`, that is not finite, or nil.
    private func pack(
        _ x: UnsafeMutablePointer<Float>, _ count: Int, behind past: Int,
        into entry: KeyValueCache.Entry, capacity: Int
    ) -> Int? {
        let grain = Int(EDGEK_ROW_GRAIN)
        let columns = entry.columnCount
        func quantize(_ source: UnsafeMutablePointer<Float>, from first: Int, to end: Int) -> Int? {
            // The kernel counts the rows of the sequence from its first one on.
            let bad = kernels.quantize_heads(
                entry.role, source - first * columns, Int64(columns), Int64(capacity),
                Int64(first), Int64(end), Int64(entry.headCount), Int64(entry.headSize),
                entry.start)
            return bad >= 0 ? Int(bad) - past : nil
        }
        func keep(_ rows: Range<Int>, at row: Int) {
            UnsafeMutableRawPointer(entry.lastPanel + row * columns).copyMemory(
                from: x + rows.lowerBound * columns, byteCount: rows.count * columns * 4)
        }
        let end = past + count
        let filled = past % grain
        var next = 0
        if filled > 0 {
            next = min(count, grain - filled)
            keep(0..<next, at: filled)
            if let bad = quantize(entry.lastPanel, from: past - filled, to: past + next) {
                return max(0, bad)
            }
        }
        guard next < count else { return nil }
        // Whole panels are shared out.
        let panels = (count - next + grain - 1) / grain
        let share = max(1, (panels + session.pool.threadCount - 1) / session.pool.threadCount)
        var bads = [Int?](repeating: nil, count: session.pool.threadCount)
        bads.withUnsafeMutableBufferPointer { bads in
            session.pool.run((panels + share - 1) / share) { task, _ in
                let first = past + next + task * share * grain
                bads[task] = quantize(
                    x + (first - past) * columns, from: first, to: min(end, first + share * grain))
            }
        }
        if let bad = bads.compactMap({ $0 }).first { return bad }
        let rest = end % grain
        keep(count - rest..<count, at: 0)
        return nil
    }
}
