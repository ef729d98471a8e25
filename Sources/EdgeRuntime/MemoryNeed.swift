import CEdgeKernels
package import EdgeFormat

/// What a session needs in memory, in bytes.
package struct MemoryNeed: Equatable, Sendable {
    /// Weights in the form that the kernels read, and the tables of the tokenizer.
    package let weights: Int
    /// Decoded parts of embedding tables, at most.
    package let tableCache: Int
    /// Activations and scratch memory for the tokens that are computed at a time.
    package let activations: Int
    /// Keys and values of the earlier tokens of a text that is generated.
    package let keyValueCache: Int
    /// The decoder that embedding tables share.
    package let decoder: Int
    /// What decoding the weights takes besides them, before there are any activations.
    package let loading: Int

    /// At most at one time.
    package var total: Int {
        weights + decoder + max(loading, tableCache + activations + keyValueCache)
    }

    /// - Parameter tokenCount: Of the input; of a decoder, those of the prompt and of what follows.
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
        var mostMultipliers = 0
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
                for kept in terms.compactMap({ $0.keptTokens }) where !isCounted[kept] {
                    isCounted[kept] = true
                    weights += TokenRows.byteCount(
                        ofBytes: directory.tensors[kept].rawByteCount)
                }
            case .linear(_, _, _, let weight, let bias, _):
                countVector(bias)
                let matrix = directory.tensors[weight]
                guard !isCounted[weight] else { break }
                isCounted[weight] = true
                if let multipliers = matrix.multipliers {
                    mostMultipliers = max(
                        mostMultipliers, directory.tensors[multipliers].rawByteCount)
                }
                if matrix.scheme != .none {
                    weights += MatrixRoom.packedBytes(matrix, kernels)
                    // Sums and scales of the rows.
                    weights += 2 * rounded(matrix.rowCount * 4, up: 64)
                } else {
                    weights += matrix.elementCount * 4
                }
            case .layerNorm(_, _, _, let gamma, let beta, _):
                countVector(gamma)
                countVector(beta)
            case .quantize(_, _, let multipliers, _):
                countVector(multipliers)
            case .attention(_, _, _, _, let shape):
                countVector(shape.slopes)
            case .angles(_, let vector, _), .rmsNorm(_, _, let vector, _):
                countVector(vector)
            case .activate, .add, .pool, .normalizeL2, .rotate, .multiply, .scale:
                break
            }
        }
        if let tokenizer = directory.tensor(named: Array("tokenizer".utf8)) {
            weights += directory.tensors[tokenizer].rawByteCount
        }
        self.weights = weights
        // Tables keep the decoder that all of them share.
        if isCountedTable.contains(true) {
            tableCache += ChunkDecoder.maskByteCount(in: directory)
        }
        self.tableCache = tableCache
        let oneDecoder = ChunkDecoder.byteCount(in: directory)
        decoder = isCountedTable.contains(true) ? oneDecoder : 0
        let largestChunk = directory.chunks.reduce(0) { max($0, $1.rawSize) }
        loading = threadCount * (oneDecoder + largestChunk + mostMultipliers)
        let program = directory.program
        guard !program.generates else {
            keyValueCache = KeyValueCache.byteCount(
                of: program, capacity: tokenCount, kernels: kernels)
            let part = min(tokenCount, Session.promptPart)
            activations = [([], part), ([OutputCode.nextLogits], 1)].reduce(0) { most, run in
                max(
                    most,
                    ExecutionPlan(
                        program, StepList(program, outputs: run.0, isExtending: true),
                        BatchShape([run.1]), threadCount: threadCount, kernels: kernels
                    ).byteCount)
            }
            return
        }
        keyValueCache = 0
        // One sequence of all tokens, or as many short ones as a batch may have.
        let grain = Int(EDGEK_ROW_GRAIN)
        let short = [Int](
            repeating: min(grain, max(1, tokenCount)),
            count: max(1, rounded(tokenCount, up: grain) / grain))
        // A run computes one of the outputs.
        var most = 0
        for output in program.outputs {
            let steps = StepList(program, outputs: [output.code])
            for lengths in [[tokenCount], short] {
                let plan = ExecutionPlan(
                    program, steps, BatchShape(lengths), threadCount: threadCount,
                    kernels: kernels)
                most = max(most, plan.byteCount)
            }
        }
        activations = most
    }
}
