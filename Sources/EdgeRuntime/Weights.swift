import CEdgeKernels
import CEdgePlatform
import EdgeFormat

/// A weight matrix in the form that the linear kernels read.
enum LinearWeight {
    /// Packed codes of 4 or 8 bits, with the sum of the weights and the scale of each output.
    case codes(
        packed: UnsafeMutableRawPointer, sums: UnsafeMutablePointer<Int32>, scales: AlignedBuffer,
        bits: Int)
    /// `[outputs, inputs]` floats in memory of our own.
    case floats(UnsafeMutablePointer<Float>)
    /// `[outputs, inputs]` floats in the mapped file.
    case mappedFloats(UnsafePointer<Float>)
}

/// Every tensor of a program, loaded in the form that its instructions need.
final class Weights {
    private(set) var linear: [LinearWeight?]
    private(set) var vectors: [AlignedBuffer?]
    private(set) var tables: [EmbeddingTable?]
    /// By the tensor that says which tokens are kept.
    private(set) var tokenRows: [TokenRows?]
    /// What the matrices lie in.
    let pages: PageBuffer

    /// Loads the tensors that the instructions of the program name; others stay in the file.
    ///
    /// - Parameter work: What one of the threads does besides.
    init(
        _ container: Container, kernels: edgek_table, pool: ThreadPool, alongside work: () -> Void
    ) throws(RuntimeError) {
        let directory = container.directory
        linear = Array(repeating: nil, count: directory.tensors.count)
        vectors = Array(repeating: nil, count: directory.tensors.count)
        tables = Array(repeating: nil, count: directory.tensors.count)
        tokenRows = Array(repeating: nil, count: directory.tensors.count)
        let matrices = try MatrixLoading(container, kernels: kernels, threadCount: pool.threadCount)
        pages = matrices.pages
        // The tasks that no other thread can help with come first.
        var others: Result<Void, RuntimeError> = .success(())
        var results = [Result<LinearWeight, RuntimeError>?](
            repeating: nil, count: matrices.tensors.count)
        results.withUnsafeMutableBufferPointer { results in
            pool.run(2 + results.count) { task, thread in
                switch task {
                case 0: work()
                case 1:
                    do throws(RuntimeError) {
                        try loadOthers(container, kernels)
                    } catch {
                        others = .failure(error)
                    }
                default: results[task - 2] = matrices.load(task - 2, thread: thread)
                }
            }
        }
        try others.get()
        for (task, result) in results.enumerated() {
            linear[matrices.tensors[task]] = try result?.get()
        }
    }

    /// Loads all but matrices.
    private func loadOthers(
        _ container: Container, _ kernels: edgek_table
    ) throws(RuntimeError) {
        let directory = container.directory
        let decoder = try ChunkDecoder(container, kernels: kernels)
        for instruction in directory.program.instructions {
            switch instruction {
            case .embed(_, let terms):
                for term in terms where tables[term.table] == nil {
                    tables[term.table] = try EmbeddingTable(
                        container, decoder: decoder, tensor: term.table, kernels: kernels)
                }
                for term in terms { try loadTokenRows(term, directory, decoder) }
            case .linear(_, _, _, _, let bias, _):
                if let bias { try loadVector(bias, directory, decoder) }
            case .layerNorm(_, _, _, let gamma, let beta, _):
                try loadVector(gamma, directory, decoder)
                if let beta { try loadVector(beta, directory, decoder) }
            case .quantize(_, _, let multipliers, _):
                if let multipliers { try loadVector(multipliers, directory, decoder) }
            case .attention(_, _, _, _, let shape):
                if let slopes = shape.slopes { try loadVector(slopes, directory, decoder) }
            case .angles(_, let frequencies, _):
                try loadVector(frequencies, directory, decoder)
            case .rmsNorm(_, _, let gamma, _):
                try loadVector(gamma, directory, decoder)
            case .activate, .add, .pool, .normalizeL2, .rotate, .multiply, .scale:
                break
            }
        }
    }

    private func loadTokenRows(
        _ term: EmbedTerm, _ directory: ContainerDirectory, _ decoder: ChunkDecoder
    ) throws(RuntimeError) {
        guard let index = term.keptTokens else { return }
        let rows: TokenRows
        if let known = tokenRows[index] {
            rows = known
        } else {
            rows = try TokenRows(
                directory.tensors[index], decoder: decoder,
                tokenCount: directory.program.vocabularySize)
        }
        let table = directory.tensors[term.table]
        guard rows.count == table.rowCount else {
            throw .format(
                .tensor(
                    name: directory.tensors[index].name, field: "number of kept tokens",
                    expected: UInt64(table.rowCount), found: UInt64(rows.count)))
        }
        tokenRows[index] = rows
    }

    private func loadVector(
        _ index: Int, _ directory: ContainerDirectory, _ decoder: ChunkDecoder
    ) throws(RuntimeError) {
        guard vectors[index] == nil else { return }
        vectors[index] = try decoder.bytes(of: directory.tensors[index])
    }
}

extension Weights {
    /// For each instruction the packed weights of the next product after it, or nil.
    func upcoming(in program: Program) -> [UnsafeRawPointer?] {
        var upcoming = [UnsafeRawPointer?](repeating: nil, count: program.instructions.count)
        var next: UnsafeRawPointer?
        for index in program.instructions.indices.reversed() {
            upcoming[index] = next
            if case .linear(_, _, _, let weight, _, _) = program.instructions[index],
                case .codes(let packed, _, _, _) = linear[weight]
            {
                next = UnsafeRawPointer(packed)
            }
        }
        return upcoming
    }
}
