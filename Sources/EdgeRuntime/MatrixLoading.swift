import CEdgeKernels
import CEdgePlatform
import EdgeFormat

/// The matrices of a program on their way into memory, each a task for some thread.
final class MatrixLoading {
    /// What the matrices lie in.
    let pages: PageBuffer
    /// Indices of the tensors.
    ///
    /// The longest come first: then no thread has much to do when the others are done.
    private(set) var tensors: [Int] = []
    private let container: Container
    private var rooms: [MatrixRoom] = []
    /// Where the pieces of each room are.
    private var places: [[UnsafeMutableRawPointer]] = []
    private var loaders: [MatrixLoader] = []

    init(
        _ container: Container, kernels: edgek_table, threadCount: Int
    ) throws(RuntimeError) {
        let directory = container.directory
        self.container = container
        var matrices: [Int] = []
        for case .linear(_, _, _, let weight, _, _) in directory.program.instructions
        where !matrices.contains(weight) {
            matrices.append(weight)
        }
        let order = stableOrder(of: matrices.count) {
            directory.tensors[matrices[$0]].rawByteCount
                > directory.tensors[matrices[$1]].rawByteCount
        }
        var pieces: [Int] = []
        for place in order {
            let room = MatrixRoom(matrices[place], container, kernels)
            tensors.append(matrices[place])
            rooms.append(room)
            pieces += room.pieces
        }
        pages = try PageBuffer(pieces: pieces)
        for room in rooms {
            var own: [UnsafeMutableRawPointer] = []
            for piece in room.pieces { own.append(pages.next(byteCount: piece)) }
            places.append(own)
        }
        for _ in 0..<threadCount {
            loaders.append(try MatrixLoader(container, kernels: kernels))
        }
    }

    /// Decodes and packs the matrix of a task.
    func load(_ task: Int, thread: Int) -> Result<LinearWeight, RuntimeError> {
        do throws(RuntimeError) {
            return .success(
                try loaders[thread].load(
                    container.directory.tensors[tensors[task]], rooms[task], at: places[task]))
        } catch {
            return .failure(error)
        }
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
        _ tensor: TensorRecord, _ room: MatrixRoom, at places: [UnsafeMutableRawPointer]
    ) throws(RuntimeError) -> LinearWeight {
        let scales = try vector(tensor.scales)
        // Packed weights contain them.
        let multipliers = try vector(tensor.multipliers)
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

    private func vector(_ index: Int?) throws(RuntimeError) -> AlignedBuffer? {
        guard let index else { return nil }
        return try decoder.bytes(of: container.directory.tensors[index])
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
