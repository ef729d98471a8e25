import CChecksums
import CZstd
import EdgeFormat

/// A container as it was written.
struct WrittenBytes {
    let bytes: [UInt8]
    let header: ContainerHeader
    let directory: ContainerDirectory

    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        (header, directory) = try bytes.withUnsafeBytes { bytes in
            let header = try ContainerHeader(parsing: bytes)
            return (header, try ContainerDirectory(parsing: bytes, header: header))
        }
    }

    /// The raw bytes of a tensor.
    func raw(_ tensor: TensorRecord) throws -> [UInt8] {
        var raw: [UInt8] = []
        for chunk in directory.chunks[tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount] {
            let stored = Array(bytes[chunk.offset..<chunk.offset + chunk.storedSize])
            let checksum = stored.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
            guard checksum == chunk.checksum else {
                throw FormatError.wrongChecksum(
                    field: "chunk", expected: chunk.checksum, found: checksum)
            }
            switch chunk.encoding {
            case .raw:
                raw += stored
            case .zstd:
                var piece = [UInt8](repeating: 0, count: chunk.rawSize)
                let count = ZSTD_decompress(&piece, piece.count, stored, stored.count)
                guard count == chunk.rawSize else {
                    throw FormatError.wrongValue(
                        field: "raw size", expected: UInt64(chunk.rawSize), found: UInt64(count))
                }
                raw += piece
            }
        }
        return raw
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var state = atn_sha256()
    atn_sha256_begin(&state)
    bytes.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
    var digest = [UInt8](repeating: 0, count: 32)
    atn_sha256_end(&state, &digest)
    return digest
}
