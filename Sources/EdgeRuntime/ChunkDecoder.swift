import CEdgeKernels
import CEdgePlatform
import EdgeFormat

/// Decodes chunks of a container; one thread uses it at a time.
final class ChunkDecoder {
    private let container: Container
    private let kernels: edgek_table
    private let decoder: OpaquePointer
    /// Room for the mask of any sparse chunk; nil if there are none.
    private let mask: AlignedBuffer?
    /// Room for any chunk as it is stored.
    private let stored: AlignedBuffer

    init(_ container: Container, kernels: edgek_table) throws(RuntimeError) {
        let maskByteCount = Self.maskByteCount(in: container.directory)
        mask = maskByteCount > 0 ? try AlignedBuffer(byteCount: maskByteCount) : nil
        stored = try AlignedBuffer(byteCount: container.largestStoredSize)
        guard let decoder = edgep_zstd_create() else { throw .outOfMemory(byteCount: 1 << 17) }
        self.container = container
        self.kernels = kernels
        self.decoder = decoder
    }

    deinit {
        edgep_zstd_destroy(decoder)
    }

    /// Bytes that a decoder takes, but for the masks: a chunk as it is stored, and what is kept for a
    /// frame (8 KiB, and `sizeof(ZSTD_DCtx)`, the same on all processors within a few bytes).
    static func byteCount(in directory: ContainerDirectory) -> Int {
        directory.chunks.reduce(0) { max($0, $1.storedSize) } + (168 << 10)
    }

    /// Bytes that the largest mask of a sparse chunk takes.
    static func maskByteCount(in directory: ContainerDirectory) -> Int {
        directory.chunks.reduce(0) { largest, chunk in
            guard chunk.encoding == .sparse else { return largest }
            return max(largest, SparseChunk.maskByteCount(codeCount: chunk.rawSize))
        }
    }

    /// Writes the raw bytes of a chunk to `destination`, which has room for them.
    func decode(
        chunk index: Int, into destination: UnsafeMutableRawPointer
    ) throws(FormatError) {
        let chunk = container.directory.chunks[index]
        let stored = try container.storedBytes(ofChunk: index, through: stored.start)
        switch chunk.encoding {
        case .raw:
            destination.copyMemory(
                from: stored.baseAddress ?? .init(destination), byteCount: chunk.rawSize)
        case .zstd:
            try decode(frame: stored, ofChunk: index, into: destination, byteCount: chunk.rawSize)
        case .sparse:
            try decodeSparse(stored, chunk: index, into: destination, codeCount: chunk.rawSize)
        }
    }

    private func decode(
        frame: UnsafeRawBufferPointer, ofChunk index: Int,
        into destination: UnsafeMutableRawPointer, byteCount: Int
    ) throws(FormatError) {
        let status = edgep_zstd_decode(
            decoder, frame.baseAddress, frame.count, destination, byteCount)
        guard status == 0 else { throw .chunkNotDecodable(index: index) }
    }

    /// Decodes a part of a sparse chunk, which is a frame unless it has its full size.
    private func decode(
        part: UnsafeRawBufferPointer, ofChunk index: Int,
        into destination: UnsafeMutableRawPointer, byteCount: Int
    ) throws(FormatError) {
        guard part.count < byteCount else {
            destination.copyMemory(
                from: part.baseAddress ?? .init(destination), byteCount: byteCount)
            return
        }
        try decode(frame: part, ofChunk: index, into: destination, byteCount: byteCount)
    }

    private func decodeSparse(
        _ stored: UnsafeRawBufferPointer, chunk index: Int,
        into destination: UnsafeMutableRawPointer, codeCount: Int
    ) throws(FormatError) {
        let parts = try SparseChunk(parsing: stored, codeCount: codeCount, index: index)
        let maskByteCount = SparseChunk.maskByteCount(codeCount: codeCount)
        guard let mask else { throw .outOfMemory(byteCount: UInt64(maskByteCount)) }
        try decode(part: parts.mask, ofChunk: index, into: mask.start, byteCount: maskByteCount)
        let valueCount = try SparseChunk.valueCount(
            mask: UnsafeRawBufferPointer(start: mask.start, count: maskByteCount),
            codeCount: codeCount, index: index)
        guard parts.values.count <= valueCount else {
            throw .sparseChunk(
                index: index, field: "stored size of the values", expected: UInt64(valueCount),
                found: UInt64(parts.values.count))
        }
        // The values go to the end of the codes, from where they can be moved to their places.
        let values = destination + (codeCount - valueCount)
        try decode(part: parts.values, ofChunk: index, into: values, byteCount: valueCount)
        guard edgep_find_byte(values, valueCount, 0) < 0 else {
            throw .zeroInSparseChunk(index: index)
        }
        kernels.expand_codes(
            mask.start.assumingMemoryBound(to: UInt8.self), Int64(codeCount),
            values.assumingMemoryBound(to: Int8.self), Int64(valueCount),
            destination.assumingMemoryBound(to: Int8.self))
    }

    /// Calls `body` with the chunks of a tensor in order.
    ///
    /// It is given the first row and the raw bytes, which are valid during the call only.
    func forEachChunk(
        of tensor: TensorRecord, scratch: UnsafeMutableRawPointer,
        _ body: (_ firstRow: Int, _ bytes: UnsafeRawBufferPointer) -> Void
    ) throws(FormatError) {
        let rowBytes = max(1, tensor.columnCount * tensor.type.byteCount)
        let rowsPerChunk = tensor.chunkRawBytes / rowBytes
        for position in 0..<tensor.chunkCount {
            let index = tensor.firstChunk + position
            let chunk = container.directory.chunks[index]
            switch chunk.encoding {
            case .raw:
                body(
                    position * rowsPerChunk,
                    try container.storedBytes(ofChunk: index, through: stored.start))
            case .zstd, .sparse:
                try decode(chunk: index, into: scratch)
                body(
                    position * rowsPerChunk,
                    UnsafeRawBufferPointer(start: scratch, count: chunk.rawSize))
            }
        }
    }

    /// All raw bytes of a tensor.
    func bytes(of tensor: TensorRecord) throws(RuntimeError) -> AlignedBuffer {
        let buffer = try AlignedBuffer(byteCount: tensor.rawByteCount)
        do {
            var offset = 0
            for index in tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount {
                try decode(chunk: index, into: buffer.start + offset)
                offset += container.directory.chunks[index].rawSize
            }
        } catch {
            throw .format(error)
        }
        return buffer
    }
}
