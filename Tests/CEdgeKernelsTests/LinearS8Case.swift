import CEdgeKernels
import Testing

/// One call of `linear_s8` with made-up operands that depend on the case only.
struct LinearS8Case {
    var rowCount: Int
    var columnCount: Int
    var depth: Int
    var hasBias = true
    var hasResidual = false
    /// The residual is the output itself.
    var isInPlace = false
    var activation = EDGEK_ACTIVATION_NONE
    /// All codes −128 and all weights this.
    var extremeWeight: Int8?
    /// Weights of 4 bits.
    var isS4 = false
    /// Multipliers of those of −15 … 15.
    var isNarrow = false
    /// Rows and columns to compute; null for all.
    var rows: Range<Int>?
    var columns: Range<Int>?

    var yStride: Int { columnCount + 3 }
    private var groupCount: Int { (depth + 31) / 32 }
    private var codeStride: Int { paddedCodes(depth) }

    struct Operands {
        var codes: UnsafeMutablePointer<Int8>
        var rows: UnsafeMutablePointer<edgek_row_quantization>
        var weights: UnsafeMutablePointer<Int8>
        var multipliers: UnsafeMutablePointer<Int8>
        var scales: UnsafeMutablePointer<Float>
        var bias: UnsafeMutablePointer<Float>
        var residual: UnsafeMutablePointer<Float>
        var y: UnsafeMutablePointer<Float>
    }

    func operands(_ arena: Arena) -> Operands {
        let codes = arena.zeros(rowCount * codeStride, of: Int8.self)
        let rows = arena.zeros(rowCount, of: edgek_row_quantization.self)
        for m in 0..<rowCount {
            var sum: Int32 = 0
            for k in 0..<depth {
                let code = extremeWeight == nil ? arena.random.code(lowest: -128) : -128
                codes[m * codeStride + k] = code
                sum += Int32(code)
            }
            rows[m] = edgek_row_quantization(
                scale: arena.random.unit() * 0.01, zero_point: Int32(arena.random.below(256)),
                code_sum: sum)
        }
        let weights = arena.codes(columnCount * depth)
        if let extremeWeight {
            for i in 0..<columnCount * depth { weights[i] = extremeWeight }
        }
        let multipliers = arena.codes(columnCount * groupCount)
        if isS4 {
            for i in 0..<columnCount * depth { weights[i] >>= 4 }
            // Products of more inputs would leave int32 with larger ones.
            if depth > 8288 {
                for i in 0..<columnCount * groupCount { multipliers[i] >>= 4 }
            }
            if let extremeWeight {
                for i in 0..<columnCount * groupCount {
                    multipliers[i] = extremeWeight < 0 ? -127 : 127
                }
            }
            if isNarrow {
                for i in 0..<columnCount * groupCount { multipliers[i] %= 16 }
            }
        }
        return Operands(
            codes: codes, rows: rows, weights: weights, multipliers: multipliers,
            scales: arena.floats(columnCount, range: 0.02), bias: arena.floats(columnCount),
            residual: arena.floats(rowCount * yStride, range: 2),
            y: arena.floats(rowCount * yStride))
    }

    /// The bits of the whole output buffer, followed by the sums of the weights.
    func run(_ kernels: Kernels) -> [UInt32] {
        Arena.with(seed: rowCount * 31 + columnCount * 1009 + depth) { arena in
            let operands = operands(arena)
            let table = kernels.table
            let (n, k) = (Int64(columnCount), Int64(depth))
            let byteCount = isS4 ? edgek_packed_s4_bytes(n, k) : table.packed_weight_bytes(n, k)
            let packed = arena.bytes(Int(byteCount))
            let sums = arena.zeros(columnCount, of: Int32.self)
            // The later outputs first, cut anywhere.
            let cut = arena.random.below(columnCount + 1)
            if isS4 {
                edgek_clear_packed_s4(packed, n, k)
                for part in [cut..<columnCount, 0..<cut] {
                    let bad = edgek_pack_s4(
                        operands.weights + part.lowerBound * depth,
                        operands.multipliers + part.lowerBound * groupCount,
                        Int64(part.lowerBound), Int64(part.count), n, k, packed, sums)
                    #expect(bad == -1)
                }
            } else {
                table.clear_packed_weights(packed, n, k)
                let later = table.pack_weights(
                    operands.weights + cut * depth, Int64(cut), n - Int64(cut), n, k, packed, sums)
                let earlier = table.pack_weights(
                    operands.weights, 0, Int64(cut), n, k, packed, sums)
                #expect(later == -1 && earlier == -1)
            }

            let residual = isInPlace ? operands.y : operands.residual
            var task = edgek_linear_s8(
                codes: operands.codes, code_stride: Int64(codeStride), rows: operands.rows,
                packed_weights: packed, weight_sums: sums, weight_scales: operands.scales,
                bias: hasBias ? operands.bias : nil,
                residual: hasResidual || isInPlace ? residual : nil,
                residual_stride: Int64(yStride), y: operands.y, y_stride: Int64(yStride),
                row_count: Int64(rowCount), column_count: n, depth: k, activation: activation,
                upcoming_weights: UnsafeRawPointer(packed))
            let rows = rows ?? 0..<rowCount
            let columns = columns ?? 0..<columnCount
            let linear: (UnsafePointer<edgek_linear_s8>, Int64, Int64, Int64, Int64) -> Void =
                isS4
                ? { table.linear_s4($0, $1, $2, $3, $4) } : { table.linear_s8($0, $1, $2, $3, $4) }
            linear(
                &task, Int64(rows.lowerBound), Int64(rows.upperBound), Int64(columns.lowerBound),
                Int64(columns.upperBound))
            return (0..<rowCount * yStride).map { operands.y[$0].canonicalBits }
                + (0..<columnCount).map { UInt32(bitPattern: sums[$0]) }
        }
    }

    /// The exact result in Double, without activation; [rowCount, columnCount].
    func exact() -> [Double] {
        Arena.with(seed: rowCount * 31 + columnCount * 1009 + depth) { arena in
            let operands = operands(arena)
            var y: [Double] = []
            for m in 0..<rowCount {
                let row = operands.rows[m]
                for n in 0..<columnCount {
                    var sum = 0
                    for k in 0..<depth {
                        let q = Int(operands.codes[m * codeStride + k]) + 128
                        var weight = Int(operands.weights[n * depth + k])
                        if isS4 { weight *= Int(operands.multipliers[n * groupCount + k / 32]) }
                        sum += (q - Int(row.zero_point)) * weight
                    }
                    var value = Double(sum) * Double(row.scale) * Double(operands.scales[n])
                    if hasBias { value += Double(operands.bias[n]) }
                    let at = m * yStride + n
                    if isInPlace {
                        value += Double(operands.y[at])
                    } else if hasResidual {
                        value += Double(operands.residual[at])
                    }
                    y.append(value)
                }
            }
            return y
        }
    }
}
