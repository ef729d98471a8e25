import CEdgeKernels
package import EdgeFormat

/// Where the values of a program lie in the arena for inputs of a given length.
struct MemoryPlan {
    /// Byte offset of each slot.
    let slotOffsets: [Int]
    /// Byte offset of the scratch memory of each thread.
    let scratchOffset: Int
    let scratchBytesPerThread: Int
    /// Codes and scales of the queries, keys and values of one quantized attention.
    let attentionOffset: Int
    let byteCount: Int

    init(_ program: Program, tokenCount: Int, threadCount: Int, kernels: edgek_table) {
        var slotBytes = [Int](repeating: 0, count: program.slotCount)
        for value in program.values {
            slotBytes[value.slot] = max(
                slotBytes[value.slot], Self.byteCount(of: value, tokenCount: tokenCount))
        }
        var end = 0
        slotOffsets = slotBytes.map { bytes in
            defer { end += bytes }
            return end
        }
        var attentionBytes = 0
        var scratchBytes = 64
        for instruction in program.instructions {
            switch instruction {
            case .attention(let query, let key, _, _, let shape):
                let queries = program.values[query].rowCount(tokenCount: tokenCount)
                let keys = program.values[key].rowCount(tokenCount: tokenCount)
                if shape.arithmetic == .int8 {
                    let layout = AttentionCodes(shape, queryCount: queries, keyCount: keys)
                    attentionBytes = max(attentionBytes, layout.byteCount)
                }
                var native = edgek_attention_shape(shape, queryCount: queries, keyCount: keys)
                scratchBytes = max(scratchBytes, Int(kernels.attention_scratch_bytes(&native)))
            case .embed(let output, _):
                scratchBytes = max(scratchBytes, program.values[output].columnCount * 4)
            default:
                break
            }
        }
        attentionOffset = end
        scratchOffset = end + rounded(attentionBytes, up: 64)
        scratchBytesPerThread = rounded(scratchBytes, up: 64)
        byteCount = scratchOffset + scratchBytesPerThread * threadCount
    }

    /// Bytes of a value, a multiple of 64.
    ///
    /// Codes are followed by the quantization of their rows.
    static func byteCount(of value: ProgramValue, tokenCount: Int) -> Int {
        let rows = value.rowCount(tokenCount: tokenCount)
        switch value.kind {
        case .floats:
            return rounded(rows * value.columnCount * 4, up: 64)
        case .codes:
            return rounded(
                rows * codeStride(value) + rows * MemoryLayout<edgek_row_quantization>.stride,
                up: 64)
        }
    }

    /// Bytes from one row of codes to the next.
    static func codeStride(_ value: ProgramValue) -> Int {
        rounded(value.columnCount, up: Int(EDGEK_CODE_ALIGNMENT))
    }
}

/// Layout of the codes of one quantized attention, in bytes from the start of its memory.
struct AttentionCodes {
    let queryStride: Int
    let valueStride: Int
    let queryCodes: Int
    let keyCodes: Int
    let valueCodes: Int
    let queryScales: Int
    let keyScales: Int
    let valueScales: Int
    let byteCount: Int

    init(_ shape: AttentionShape, queryCount: Int, keyCount: Int) {
        let alignment = Int(EDGEK_CODE_ALIGNMENT)
        queryStride = rounded(shape.headSize, up: alignment)
        valueStride = rounded(shape.valueSize, up: alignment)
        var end = 0
        func place(_ bytes: Int) -> Int {
            defer { end += rounded(bytes, up: 64) }
            return end
        }
        queryCodes = place(shape.headCount * queryCount * queryStride)
        keyCodes = place(shape.keyValueHeadCount * keyCount * queryStride)
        valueCodes = place(shape.keyValueHeadCount * keyCount * valueStride)
        queryScales = place(shape.headCount * queryCount * 4)
        keyScales = place(shape.keyValueHeadCount * keyCount * 4)
        valueScales = place(shape.keyValueHeadCount * keyCount * 4)
        byteCount = end
    }
}

extension edgek_attention_shape {
    init(_ shape: AttentionShape, queryCount: Int, keyCount: Int) {
        self.init()
        query_count = Int64(queryCount)
        key_count = Int64(keyCount)
        head_count = Int64(shape.headCount)
        key_value_head_count = Int64(shape.keyValueHeadCount)
        head_size = Int64(shape.headSize)
        value_size = Int64(shape.valueSize)
        scale = shape.scale
        causal = shape.isCausal ? 1 : 0
    }
}

/// What a session needs in memory, in bytes.
package struct MemoryNeed: Equatable, Sendable {
    /// Weights in the form that the kernels read, and the tables of the tokenizer.
    package let weights: Int
    /// Decoded parts of embedding tables, at most.
    package let tableCache: Int
    /// Activations and scratch memory for the given number of tokens.
    package let activations: Int

    package var total: Int { weights + tableCache + activations }

    package init(
        _ directory: ContainerDirectory, tokenCount: Int, threadCount: Int,
        instructionSet: InstructionSet
    ) {
        let kernels = instructionSet.kernels
        var weights = 0
        var tableCache = 0
        var isCounted = [Bool](repeating: false, count: directory.tensors.count)
        // A table that is also a weight is loaded in both forms, its scales twice.
        var isCountedTable = isCounted
        func countVector(_ index: Int?) {
            guard let index, !isCounted[index] else { return }
            isCounted[index] = true
            weights += rounded(directory.tensors[index].rawByteCount, up: 64)
        }
        for instruction in directory.program.instructions {
            switch instruction {
            case .embed(_, let terms):
                for term in terms where !isCountedTable[term.table] {
                    isCountedTable[term.table] = true
                    let table = directory.tensors[term.table]
                    tableCache += EmbeddingTable.byteCount(of: table, in: directory)
                    if let scales = table.scales {
                        weights += rounded(directory.tensors[scales].rawByteCount, up: 64)
                    }
                }
            case .linear(_, _, _, let weight, let bias, _):
                countVector(bias)
                let matrix = directory.tensors[weight]
                countVector(matrix.scales)
                guard !isCounted[weight] else { break }
                isCounted[weight] = true
                if matrix.scheme == .int8Rows {
                    weights += Int(
                        kernels.packed_weight_bytes(
                            Int64(matrix.rowCount), Int64(matrix.columnCount)))
                    weights += matrix.rowCount * 4
                } else {
                    weights += matrix.elementCount * 4
                }
            case .layerNorm(_, _, _, let gamma, let beta, _):
                countVector(gamma)
                countVector(beta)
            case .quantize(_, _, let multipliers):
                countVector(multipliers)
            case .attention, .activate, .add, .pool, .normalizeL2:
                break
            }
        }
        if let tokenizer = directory.tensor(named: Array("tokenizer".utf8)) {
            weights += directory.tensors[tokenizer].rawByteCount
        }
        self.weights = weights
        self.tableCache = tableCache
        activations =
            MemoryPlan(
                directory.program, tokenCount: tokenCount, threadCount: threadCount,
                kernels: kernels
            ).byteCount
    }
}
