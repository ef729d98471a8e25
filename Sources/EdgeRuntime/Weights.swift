import CEdgeKernels
import CEdgePlatform
import EdgeFormat

/// A weight matrix in the form that the linear kernels read.
enum LinearWeight {
    /// Packed codes, with Σ codes and scale of each output.
    case codes(packed: AlignedBuffer, sums: AlignedBuffer, scales: AlignedBuffer)
    /// `[outputs, inputs]` floats in memory of our own.
    case floats(AlignedBuffer)
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

    /// Loads the tensors that the instructions of the program name; others stay in the file.
    init(
        _ container: Container, kernels: edgek_table, pool: ThreadPool
    ) throws(RuntimeError) {
        let directory = container.directory
        linear = Array(repeating: nil, count: directory.tensors.count)
        vectors = Array(repeating: nil, count: directory.tensors.count)
        tables = Array(repeating: nil, count: directory.tensors.count)
        tokenRows = Array(repeating: nil, count: directory.tensors.count)
        let decoder = try ChunkDecoder(container, kernels: kernels)
        var matrices: [Int] = []
        for instruction in directory.program.instructions {
            switch instruction {
            case .embed(_, let terms):
                for term in terms where tables[term.table] == nil {
                    tables[term.table] = try EmbeddingTable(
                        container, decoder: decoder, tensor: term.table, kernels: kernels)
                }
                for term in terms { try loadTokenRows(term, directory, decoder) }
            case .linear(_, _, _, let weight, let bias, _):
                if !matrices.contains(weight) { matrices.append(weight) }
                if let bias { try loadVector(bias, directory, decoder) }
                if let scales = directory.tensors[weight].scales {
                    try loadVector(scales, directory, decoder)
                }
            case .layerNorm(_, _, _, let gamma, let beta, _):
                try loadVector(gamma, directory, decoder)
                if let beta { try loadVector(beta, directory, decoder) }
            case .quantize(_, _, let multipliers, _):
                if let multipliers { try loadVector(multipliers, directory, decoder) }
            case .attention, .activate, .add, .pool, .normalizeL2:
                break
            }
        }
        try loadMatrices(matrices, container, kernels, pool)
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

    /// Decodes and packs matrices, one per task; the first error wins.
    private func loadMatrices(
        _ matrices: [Int], _ container: Container, _ kernels: edgek_table, _ pool: ThreadPool
    ) throws(RuntimeError) {
        var loaders: [MatrixLoader] = []
        for _ in 0..<pool.threadCount {
            loaders.append(try MatrixLoader(container, kernels: kernels))
        }
        var results = [Result<LinearWeight, RuntimeError>?](repeating: nil, count: matrices.count)
        results.withUnsafeMutableBufferPointer { results in
            pool.run(matrices.count) { task, thread in
                let index = matrices[task]
                let tensor = container.directory.tensors[index]
                let scales = tensor.scales.flatMap { vectors[$0] }
                do throws(RuntimeError) {
                    results[task] = .success(try loaders[thread].load(tensor, scales: scales))
                } catch {
                    results[task] = .failure(error)
                }
            }
        }
        for (task, result) in results.enumerated() {
            switch result {
            case .success(let weight): linear[matrices[task]] = weight
            case .failure(let error): throw error
            case nil: throw .outOfMemory(byteCount: 0)
            }
        }
    }
}

/// Decodes matrices on one thread.
private final class MatrixLoader {
    private let container: Container
    private let decoder: ChunkDecoder
    private let kernels: edgek_table
    private let scratch: AlignedBuffer

    init(_ container: Container, kernels: edgek_table) throws(RuntimeError) {
        self.container = container
        self.kernels = kernels
        decoder = try ChunkDecoder(container, kernels: kernels)
        scratch = try AlignedBuffer(
            byteCount: container.directory.chunks.reduce(0) { max($0, $1.rawSize) })
    }

    func load(_ tensor: TensorRecord, scales: AlignedBuffer?) throws(RuntimeError) -> LinearWeight {
        let weight = try loadStored(tensor, scales: scales)
        if case .mappedFloats = weight { return weight }
        // Everything is in its final place; the pages of the file would only count twice.
        container.releasePages(of: tensor)
        return weight
    }

    private func loadStored(
        _ tensor: TensorRecord, scales: AlignedBuffer?
    ) throws(RuntimeError) -> LinearWeight {
        switch tensor.type {
        case .i8, .u8:
            guard let scales else { throw .outOfMemory(byteCount: 0) }
            return try loadCodes(tensor, scales: scales)
        case .f32:
            let chunks = tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount
            let areRaw = chunks.allSatisfy { container.directory.chunks[$0].encoding == .raw }
            if areRaw, let first = chunks.first, let start = container.bytes.baseAddress {
                do {
                    for index in chunks { _ = try container.storedBytes(ofChunk: index) }
                } catch {
                    throw .format(error)
                }
                let offset = container.directory.chunks[first].offset
                return .mappedFloats((start + offset).assumingMemoryBound(to: Float.self))
            }
            return .floats(try decoder.bytes(of: tensor))
        case .f16, .bf16:
            return try loadHalves(tensor)
        }
    }

    private func loadCodes(
        _ tensor: TensorRecord, scales: AlignedBuffer
    ) throws(RuntimeError) -> LinearWeight {
        let outputs = Int64(tensor.rowCount)
        let depth = Int64(tensor.columnCount)
        let packed = try AlignedBuffer(
            byteCount: Int(kernels.packed_weight_bytes(outputs, depth)))
        let sums = try AlignedBuffer(byteCount: tensor.rowCount * 4)
        kernels.clear_packed_weights(packed.start, outputs, depth)
        // A matrix without inputs has no chunks and therefore no rows to pack.
        sums.start.initializeMemory(as: Int32.self, repeating: 0, count: tensor.rowCount)
        var forbiddenRow: Int?
        do {
            try decoder.forEachChunk(of: tensor, scratch: scratch.start) { firstRow, bytes in
                guard let codes = bytes.baseAddress else { return }
                let forbidden = edgep_find_byte(codes, bytes.count, 0x80)
                if forbidden >= 0 {
                    forbiddenRow = firstRow + Int(forbidden) / tensor.columnCount
                    return
                }
                kernels.pack_weights(
                    codes.assumingMemoryBound(to: Int8.self), Int64(firstRow),
                    Int64(bytes.count / tensor.columnCount), outputs, depth, packed.start,
                    sums.start.assumingMemoryBound(to: Int32.self))
            }
        } catch {
            throw .format(error)
        }
        if let forbiddenRow {
            throw .format(.forbiddenCode(tensor: tensor.name, row: forbiddenRow))
        }
        for row in 0..<tensor.rowCount {
            let scale = scales.floats()[row]
            guard scale.isFinite, scale >= 0 else {
                throw .format(.forbiddenScale(tensor: tensor.name, row: row))
            }
        }
        return .codes(packed: packed, sums: sums, scales: scales)
    }

    private func loadHalves(_ tensor: TensorRecord) throws(RuntimeError) -> LinearWeight {
        let floats = try AlignedBuffer(byteCount: tensor.elementCount * 4)
        do {
            try decoder.forEachChunk(of: tensor, scratch: scratch.start) { firstRow, bytes in
                guard let source = bytes.baseAddress else { return }
                let halves = source.assumingMemoryBound(to: UInt16.self)
                let destination = floats.floats() + firstRow * tensor.columnCount
                let count = Int64(bytes.count / 2)
                if tensor.type == .f16 {
                    kernels.widen_f16(halves, count, destination)
                } else {
                    kernels.widen_bf16(halves, count, destination)
                }
            }
        } catch {
            throw .format(error)
        }
        return .floats(floats)
    }
}
