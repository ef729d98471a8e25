import CEdgePlatform
import EdgeFormat

/// Decodes chunks of a container; one thread uses it at a time.
final class ChunkDecoder {
    private let container: Container
    private let decoder: OpaquePointer

    init(_ container: Container) throws(RuntimeError) {
        guard let decoder = edgep_zstd_create() else { throw .outOfMemory(byteCount: 1 << 17) }
        self.container = container
        self.decoder = decoder
    }

    deinit {
        edgep_zstd_destroy(decoder)
    }

    /// Writes the raw bytes of a chunk to `destination`, which has room for them.
    func decode(
        chunk index: Int, into destination: UnsafeMutableRawPointer
    ) throws(FormatError) {
        let chunk = container.directory.chunks[index]
        let stored = try container.storedBytes(ofChunk: index)
        switch chunk.encoding {
        case .raw:
            destination.copyMemory(
                from: stored.baseAddress ?? .init(destination), byteCount: chunk.rawSize)
        case .zstd:
            let status = edgep_zstd_decode(
                decoder, stored.baseAddress, stored.count, destination, chunk.rawSize)
            guard status == 0 else { throw .chunkNotDecodable(index: index) }
        }
    }

    /// Calls `body` with the chunks of a tensor in order.
    ///
    /// It is given the first row and the raw bytes, which are valid during the call only; raw
    /// chunks are not copied.
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
                body(position * rowsPerChunk, try container.storedBytes(ofChunk: index))
            case .zstd:
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
