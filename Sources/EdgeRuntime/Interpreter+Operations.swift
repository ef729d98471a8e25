import CEdgeKernels
import EdgeFormat

extension Interpreter {
    func embed(output: Int, terms: [EmbedTerm]) throws(RuntimeError) {
        let columns = program.values[output].columnCount
        let row = scratch(thread: 0).assumingMemoryBound(to: Float.self)
        let rows = floats(output)
        for (number, term) in terms.enumerated() {
            guard let table = session.weights.tables[term.table] else { continue }
            let indices =
                switch term.index {
                case .tokenIDs: tokenIDs.map { Int($0) + term.offset }
                case .typeIDs:
                    (0..<tokenCount).map { (typeIDs.isEmpty ? 0 : Int(typeIDs[$0])) + term.offset }
                case .positions: (0..<tokenCount).map { $0 + term.offset }
                }
            try table.read(indices, through: row) { position in
                let destination = rows + position * columns
                if number == 0 {
                    UnsafeMutableRawPointer(destination).copyMemory(
                        from: row, byteCount: columns * 4)
                } else {
                    kernels.add(row, Int64(columns), destination)
                }
            }
        }
    }

    func linear(
        input: Int, residual: Int?, output: Int, weight: Int, bias: Int?,
        activation: ActivationCode
    ) {
        let rows = rowCount(input)
        let depth = program.values[input].columnCount
        let columns = program.values[output].columnCount
        let residualRows = residual.map { UnsafePointer(floats($0)) }
        guard let weight = session.weights.linear[weight] else { return }
        switch weight {
        case .codes(let packed, let sums, let scales):
            var task = edgek_linear_s8(
                codes: codes(input),
                code_stride: Int64(MemoryPlan.codeStride(program.values[input])),
                rows: rowQuantization(input), packed_weights: packed.start,
                weight_sums: sums.start.assumingMemoryBound(to: Int32.self),
                weight_scales: scales.floats(), bias: vector(bias), residual: residualRows,
                residual_stride: Int64(columns), y: floats(output), y_stride: Int64(columns),
                row_count: Int64(rows), column_count: Int64(columns), depth: Int64(depth),
                activation: native(activation))
            withUnsafePointer(to: &task) { task in
                overTiles(rows: rows, columns: columns) {
                    firstRow, endRow, firstColumn, endColumn in
                    kernels.linear_s8(task, firstRow, endRow, firstColumn, endColumn)
                }
            }
        case .floats, .mappedFloats:
            let weights =
                switch weight {
                case .mappedFloats(let mapped): mapped
                case .floats(let buffer): UnsafePointer(buffer.floats())
                case .codes: preconditionFailure("handled above")
                }
            var task = edgek_linear_f32(
                x: floats(input), x_stride: Int64(depth), weights: weights, bias: vector(bias),
                residual: residualRows, residual_stride: Int64(columns), y: floats(output),
                y_stride: Int64(columns), row_count: Int64(rows), column_count: Int64(columns),
                depth: Int64(depth), activation: native(activation))
            withUnsafePointer(to: &task) { task in
                overTiles(rows: rows, columns: columns) {
                    firstRow, endRow, firstColumn, endColumn in
                    kernels.linear_f32(task, firstRow, endRow, firstColumn, endColumn)
                }
            }
        }
    }

    /// Splits a product into tiles: columns first, so that each thread reads its own weights.
    private func overTiles(
        rows: Int, columns: Int, _ work: (Int64, Int64, Int64, Int64) -> Void
    ) {
        let grain = Int(EDGEK_COLUMN_GRAIN)
        let threads = session.pool.threadCount
        if threads == 1 {
            work(0, Int64(rows), 0, Int64(columns))
            return
        }
        let blocks = (columns + grain - 1) / grain
        let columnTasks = min(blocks, threads * 2)
        guard columnTasks > 0 else { return }
        let width = (blocks + columnTasks - 1) / columnTasks * grain
        session.pool.run((columns + width - 1) / width) { task, _ in
            work(
                0, Int64(rows), Int64(task * width), Int64(min(columns, (task + 1) * width)))
        }
    }

    func layerNorm(
        input: Int, residual: Int?, output: Int, gamma: Int, beta: Int?, epsilon: Float
    ) {
        let columns = program.values[output].columnCount
        let x = floats(input)
        let r = residual.map { UnsafePointer(floats($0)) }
        let y = floats(output)
        let stride = Int64(columns)
        overRows(rowCount(input), grain: 8) { first, end, _ in
            kernels.layer_norm(
                x + first * columns, stride, r.map { $0 + first * columns }, stride,
                Int64(end - first), stride, vector(gamma), vector(beta), epsilon,
                y + first * columns, stride)
        }
    }

    func pool(input: Int, output: Int, pooling: PoolCode) {
        let columns = program.values[input].columnCount
        let x = floats(input)
        switch pooling {
        case .firstRow:
            UnsafeMutableRawPointer(floats(output)).copyMemory(from: x, byteCount: columns * 4)
        case .mean:
            kernels.mean_rows(
                x, Int64(columns), Int64(rowCount(input)), Int64(columns), floats(output))
        case .maximum:
            kernels.max_rows(
                x, Int64(columns), Int64(rowCount(input)), Int64(columns), floats(output))
        }
    }

    func quantize(
        input: Int, output: Int, multipliers: Int?, index: Int
    ) throws(RuntimeError) {
        let columns = program.values[input].columnCount
        let stride = MemoryPlan.codeStride(program.values[output])
        let x = floats(input)
        let codes = codes(output)
        let rows = rowQuantization(output)
        let multipliers = vector(multipliers)
        var failures = [Int](repeating: -1, count: session.pool.threadCount)
        failures.withUnsafeMutableBufferPointer { failures in
            overRows(rowCount(input), grain: 8) { first, end, thread in
                let failure = kernels.quantize_rows(
                    x + first * columns, Int64(end - first), Int64(columns), Int64(columns),
                    multipliers, codes + first * stride, Int64(stride), rows + first)
                if failure >= 0, failures[thread] < 0 { failures[thread] = first + Int(failure) }
            }
        }
        if let row = failures.filter({ $0 >= 0 }).min() {
            throw .notFinite(instruction: index, row: row)
        }
    }
}
