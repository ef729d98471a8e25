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
    private(set) var pages: PageBuffer

    /// Loads the tensors that the instructions of the program name; others stay in the file.
    init(
        _ container: Container, kernels: edgek_table, pool: ThreadPool
    ) throws(RuntimeError) {
        let directory = container.directory
        linear = Array(repeating: nil, count: directory.tensors.count)
        vectors = Array(repeating: nil, count: directory.tensors.count)
        tables = Array(repeating: nil, count: directory.tensors.count)
        tokenRows = Array(repeating: nil, count: directory.tensors.count)
        pages = try PageBuffer(pieces: [])
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
                if let multipliers = directory.tensors[weight].multipliers {
                    try loadVector(multipliers, directory, decoder)
                }
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
        var rooms: [MatrixRoom] = []
        for matrix in matrices { rooms.append(MatrixRoom(matrix, container, kernels)) }
        pages = try PageBuffer(pieces: rooms.flatMap { $0.pieces })
        let places = rooms.map { room in room.pieces.map { pages.next(byteCount: $0) } }
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
                let multipliers = tensor.multipliers.flatMap { vectors[$0] }
                do throws(RuntimeError) {
                    results[task] = .success(
                        try loaders[thread].load(
                            tensor, rooms[task], at: places[task], scales: scales,
                            multipliers: multipliers))
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

/// What a matrix takes in memory.
enum MatrixRoom {
    case codes(packedBytes: Int, rowCount: Int)
    case floats(count: Int)
    /// Nothing: its floats are used where they lie in the file.
    case inFile

    init(_ tensor: Int, _ container: Container, _ kernels: edgek_table) {
        let record = container.directory.tensors[tensor]
        let chunks = record.firstChunk..<record.firstChunk + record.chunkCount
        switch record.type {
        case .i8, .u8:
            self = .codes(
                packedBytes: Self.packedBytes(record, kernels), rowCount: record.rowCount)
        case .f32 where chunks.allSatisfy { container.directory.chunks[$0].encoding == .raw }:
            self = chunks.isEmpty ? .floats(count: 0) : .inFile
        case .f32, .f16, .bf16:
            self = .floats(count: record.elementCount)
        }
    }

    static func packedBytes(_ codes: TensorRecord, _ kernels: edgek_table) -> Int {
        let (outputs, depth) = (Int64(codes.rowCount), Int64(codes.columnCount))
        return Int(
            codes.scheme == .int4Groups
                ? edgek_packed_s4_bytes(outputs, depth)
                : kernels.packed_weight_bytes(outputs, depth))
    }

    /// The sizes of its parts in bytes.
    var pieces: [Int] {
        switch self {
        case .codes(let packedBytes, let rowCount): [packedBytes, rowCount * 4]
        case .floats(let count): [count * 4]
        case .inFile: []
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

    /// - Parameter places: One for each piece of `room`, zeroed.
    func load(
        _ tensor: TensorRecord, _ room: MatrixRoom, at places: [UnsafeMutableRawPointer],
        scales: AlignedBuffer?, multipliers: AlignedBuffer?
    ) throws(RuntimeError) -> LinearWeight {
        do throws(FormatError) {
            switch room {
            case .codes:
                guard let scales else { throw .chunkNotDecodable(index: tensor.firstChunk) }
                let sums = places[1].assumingMemoryBound(to: Int32.self)
                try check(scales, of: tensor)
                try loadCodes(
                    tensor,
                    multipliers: multipliers.map {
                        UnsafePointer($0.start.assumingMemoryBound(to: Int8.self))
                    }, packed: places[0], sums: sums)
                return .codes(
                    packed: places[0], sums: sums, scales: scales,
                    bits: multipliers == nil ? 8 : 4)
            case .floats:
                let floats = places[0].assumingMemoryBound(to: Float.self)
                try loadFloats(tensor, to: floats)
                return .floats(floats)
            case .inFile:
                return .mappedFloats(try mapped(tensor))
            }
        } catch {
            throw .format(error)
        }
    }

    private func mapped(_ tensor: TensorRecord) throws(FormatError) -> UnsafePointer<Float> {
        var start: UnsafeRawPointer?
        for index in tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount {
            let chunk = try container.mappedBytes(ofChunk: index)
            start = start ?? chunk.baseAddress
        }
        guard let start else { throw .chunkNotDecodable(index: tensor.firstChunk) }
        return start.assumingMemoryBound(to: Float.self)
    }

    /// - Parameter multipliers: Of codes of 4 bits, for each group; nil for codes of 8 bits.
    private func loadCodes(
        _ tensor: TensorRecord, multipliers: UnsafePointer<Int8>?,
        packed: UnsafeMutableRawPointer, sums: UnsafeMutablePointer<Int32>
    ) throws(FormatError) {
        let (outputs, depth) = (Int64(tensor.rowCount), Int64(tensor.columnCount))
        if multipliers == nil {
            kernels.clear_packed_weights(packed, outputs, depth)
        } else {
            edgek_clear_packed_s4(packed, outputs, depth)
        }
        var forbiddenRow: Int?
        try decoder.forEachChunk(of: tensor, scratch: scratch.start) { firstRow, bytes in
            guard let start = bytes.baseAddress else { return }
            let codes = start.assumingMemoryBound(to: Int8.self)
            let (first, count) = (Int64(firstRow), Int64(bytes.count / tensor.columnCount))
            let forbidden =
                if let multipliers {
                    edgek_pack_s4(
                        codes, multipliers + firstRow * tensor.groupCount, first, count, outputs,
                        depth, packed, sums)
                } else {
                    kernels.pack_weights(codes, first, count, outputs, depth, packed, sums)
                }
            if forbidden >= 0 { forbiddenRow = firstRow + Int(forbidden) }
        }
        if let forbiddenRow {
            throw .forbiddenCode(tensor: tensor.name, row: forbiddenRow)
        }
    }

    private func check(_ scales: AlignedBuffer, of tensor: TensorRecord) throws(FormatError) {
        for row in 0..<tensor.rowCount {
            let scale = scales.floats()[row]
            guard scale.isFinite, scale >= 0 else {
                throw .forbiddenScale(tensor: tensor.name, row: row)
            }
        }
    }

    private func loadFloats(
        _ tensor: TensorRecord, to floats: UnsafeMutablePointer<Float>
    ) throws(FormatError) {
        try decoder.forEachChunk(of: tensor, scratch: scratch.start) { firstRow, bytes in
            guard let source = bytes.baseAddress else { return }
            let destination = floats + firstRow * tensor.columnCount
            switch tensor.type {
            case .f16:
                kernels.widen_f16(
                    source.assumingMemoryBound(to: UInt16.self), Int64(bytes.count / 2),
                    destination)
            case .bf16:
                kernels.widen_bf16(
                    source.assumingMemoryBound(to: UInt16.self), Int64(bytes.count / 2),
                    destination)
            case .f32, .i8, .u8:
                UnsafeMutableRawPointer(destination).copyMemory(
                    from: source, byteCount: bytes.count)
            }
        }
    }
}
