import CEdgeKernels
import EdgeFormat

/// A value as the operations on rows see it; without references, so that threads share it freely.
struct RowOperand {
    /// Row 0 if all threads share the value, else nil.
    var start: UnsafeMutableRawPointer?
    /// Byte offset in the scratch memory of a thread where the rows of its block lie.
    var localOffset: Int
    var rowCapacity: Int
    var columnCount: Int
    var codeStride: Int

    /// Where a block of rows starts.
    private func block(
        _ block: RowBlock, rowBytes: Int, at offset: Int = 0
    ) -> UnsafeMutableRawPointer {
        if let start { return start + offset + block.rows.lowerBound * rowBytes }
        return block.scratch + localOffset + offset
    }

    func floats(_ rows: RowBlock) -> UnsafeMutablePointer<Float> {
        block(rows, rowBytes: columnCount * 4).assumingMemoryBound(to: Float.self)
    }

    func codes(_ rows: RowBlock) -> UnsafeMutablePointer<Int8> {
        block(rows, rowBytes: codeStride).assumingMemoryBound(to: Int8.self)
    }

    /// The quantization of the rows, which follows all codes.
    func quantization(_ rows: RowBlock) -> UnsafeMutablePointer<edgek_row_quantization> {
        block(
            rows, rowBytes: MemoryLayout<edgek_row_quantization>.stride,
            at: rowCapacity * codeStride
        ).assumingMemoryBound(to: edgek_row_quantization.self)
    }
}

/// Rows that one thread works on.
struct RowBlock {
    var rows: Range<Int>
    /// The scratch memory of the thread.
    var scratch: UnsafeMutableRawPointer

    var count: Int64 { Int64(rows.count) }
}

/// The rows of a sequence in a value, and where their packed heads go.
struct PackedSequence {
    var rows: Range<Int>
    var packed: UnsafeMutableRawPointer
}

/// The weights of a linear operation.
struct CodeWeights {
    var packed: UnsafeRawPointer
    var sums: UnsafePointer<Int32>
    var scales: UnsafePointer<Float>
    /// 4 or 8.
    var bits: Int
    /// What is read after them, if anything.
    var upcoming: UnsafeRawPointer?
}

/// An operation on some rows, with everything that it needs.
enum RowOperation {
    case linearCodes(
        RowOperand, residual: RowOperand?, output: RowOperand, CodeWeights,
        bias: UnsafePointer<Float>?, edgek_activation)
    case linearFloats(
        RowOperand, residual: RowOperand?, output: RowOperand, UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, edgek_activation)
    case layerNorm(
        RowOperand, residual: RowOperand?, output: RowOperand, gamma: UnsafePointer<Float>?,
        beta: UnsafePointer<Float>?, epsilon: Float)
    case activate(RowOperand, output: RowOperand, edgek_activation)
    case add(RowOperand, RowOperand, output: RowOperand)
    case normalizeL2(RowOperand, output: RowOperand, epsilon: Float)
    case rmsNorm(
        RowOperand, output: RowOperand, gamma: UnsafePointer<Float>?, groupSize: Int,
        epsilon: Float)
    case rotate(
        RowOperand, angles: RowOperand, output: RowOperand, headSize: Int, RotaryPairing)
    case multiply(RowOperand, RowOperand, output: RowOperand)
    case scale(RowOperand, output: RowOperand, factor: Float)
    case quantize(
        RowOperand, output: RowOperand, multipliers: UnsafePointer<Float>?,
        range: CodeRange?)
    case packHeads(
        RowOperand, role: edgek_head_role, count: Int, size: Int, [PackedSequence])

    /// Runs the operation on a block.
    ///
    /// - Returns: the first row of the value that is not finite where it must be, or nil.
    func run(_ kernels: edgek_table, _ block: RowBlock) -> Int? {
        run(kernels, block, columns: 0..<columnCount)
    }

    /// Columns that the operation writes.
    var columnCount: Int {
        switch self {
        case .linearCodes(_, _, let output, _, _, _), .linearFloats(_, _, let output, _, _, _),
            .layerNorm(_, _, let output, _, _, _), .activate(_, let output, _),
            .add(_, _, let output), .normalizeL2(_, let output, _), .quantize(_, let output, _, _),
            .rmsNorm(_, let output, _, _, _), .rotate(_, _, let output, _, _),
            .multiply(_, _, let output), .scale(_, let output, _):
            output.columnCount
        case .packHeads(let input, _, _, _, _): input.columnCount
        }
    }

    /// Runs the operation on a block, a linear operation for some columns only.
    func run(_ kernels: edgek_table, _ block: RowBlock, columns: Range<Int>) -> Int? {
        switch self {
        case .linearCodes(let input, let residual, let output, let weights, let bias, let act):
            var task = edgek_linear_s8(
                codes: input.codes(block), code_stride: Int64(input.codeStride),
                rows: input.quantization(block), packed_weights: weights.packed,
                weight_sums: weights.sums, weight_scales: weights.scales, bias: bias,
                residual: residual.map { UnsafePointer($0.floats(block)) },
                residual_stride: Int64(output.columnCount), y: output.floats(block),
                y_stride: Int64(output.columnCount), row_count: block.count,
                column_count: Int64(output.columnCount), depth: Int64(input.columnCount),
                activation: act, upcoming_weights: weights.upcoming)
            let (first, end) = (Int64(columns.lowerBound), Int64(columns.upperBound))
            if weights.bits == 4 {
                kernels.linear_s4(&task, 0, block.count, first, end)
            } else {
                kernels.linear_s8(&task, 0, block.count, first, end)
            }
        case .linearFloats(let input, let residual, let output, let weights, let bias, let act):
            var task = edgek_linear_f32(
                x: input.floats(block), x_stride: Int64(input.columnCount), weights: weights,
                bias: bias, residual: residual.map { UnsafePointer($0.floats(block)) },
                residual_stride: Int64(output.columnCount), y: output.floats(block),
                y_stride: Int64(output.columnCount), row_count: block.count,
                column_count: Int64(output.columnCount), depth: Int64(input.columnCount),
                activation: act)
            kernels.linear_f32(
                &task, 0, block.count, Int64(columns.lowerBound), Int64(columns.upperBound))
        case .layerNorm(let input, let residual, let output, let gamma, let beta, let epsilon):
            let stride = Int64(output.columnCount)
            kernels.layer_norm(
                input.floats(block), stride,
                residual.map { UnsafePointer($0.floats(block)) }, stride, block.count, stride,
                gamma, beta, epsilon, output.floats(block), stride)
        case .activate(let input, let output, let activation):
            kernels.activate(
                input.floats(block), block.count * Int64(output.columnCount), activation,
                output.floats(block))
        case .add(let left, let right, let output):
            let count = block.rows.count * output.columnCount
            UnsafeMutableRawPointer(output.floats(block)).copyMemory(
                from: left.floats(block), byteCount: count * 4)
            kernels.add(right.floats(block), Int64(count), output.floats(block))
        case .rmsNorm(let input, let output, let gamma, let groupSize, let epsilon):
            let columns = Int64(output.columnCount)
            kernels.rms_norm(
                input.floats(block), columns, block.count, columns, Int64(groupSize), gamma,
                epsilon, output.floats(block), columns)
        case .rotate(let input, let angles, let output, let headSize, let pairing):
            let columns = output.columnCount
            kernels.rotate(
                input.floats(block), Int64(columns), block.count, Int64(columns / headSize),
                Int64(headSize), angles.floats(block), Int64(angles.columnCount / 2),
                pairing == .adjacent ? 1 : 0, output.floats(block), Int64(columns))
        case .multiply(let left, let right, let output):
            let count = block.rows.count * output.columnCount
            UnsafeMutableRawPointer(output.floats(block)).copyMemory(
                from: left.floats(block), byteCount: count * 4)
            kernels.multiply(right.floats(block), Int64(count), output.floats(block))
        case .scale(let input, let output, let factor):
            kernels.scale(
                input.floats(block), block.count * Int64(output.columnCount), factor,
                output.floats(block))
        case .normalizeL2(let input, let output, let epsilon):
            let columns = output.columnCount
            for row in 0..<block.rows.count {
                kernels.normalize_l2(
                    input.floats(block) + row * columns, Int64(columns), epsilon,
                    output.floats(block) + row * columns)
            }
        case .quantize(let input, let output, let multipliers, let range):
            func quantize(_ ends: UnsafePointer<Float>?) -> Int64 {
                kernels.quantize_rows(
                    input.floats(block), block.count, Int64(input.columnCount),
                    Int64(input.columnCount), multipliers, ends, output.codes(block),
                    Int64(output.codeStride), output.quantization(block))
            }
            var bad: Int64
            if let range {
                var ends = (range.low, range.high)
                bad = withUnsafeBytes(of: &ends) {
                    quantize($0.baseAddress?.assumingMemoryBound(to: Float.self))
                }
            } else {
                bad = quantize(nil)
            }
            if bad >= 0 { return block.rows.lowerBound + Int(bad) }
        case .packHeads(let input, let role, let count, let size, let sequences):
            for sequence in sequences where sequence.rows.overlaps(block.rows) {
                // The kernel counts the rows of the sequence, the operand those of the block.
                let rows = sequence.rows.clamped(to: block.rows)
                let start = sequence.rows.lowerBound - block.rows.lowerBound
                let bad = kernels.quantize_heads(
                    role, input.floats(block) + start * input.columnCount,
                    Int64(input.columnCount), Int64(sequence.rows.count),
                    Int64(rows.lowerBound - sequence.rows.lowerBound),
                    Int64(rows.upperBound - sequence.rows.lowerBound), Int64(count), Int64(size),
                    sequence.packed)
                if bad >= 0 { return sequence.rows.lowerBound + Int(bad) }
            }
        }
        return nil
    }
}
