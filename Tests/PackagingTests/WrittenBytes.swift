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
            let checksum = crc32c(stored)
            guard checksum == chunk.checksum else {
                throw FormatError.wrongChecksum(
                    field: "chunk", expected: chunk.checksum, found: checksum)
            }
            switch chunk.encoding {
            case .raw:
                raw += stored
            case .zstd:
                raw += try decompress(stored, count: chunk.rawSize)
            case .sparse:
                raw += try sparseCodes(stored, count: chunk.rawSize)
            }
        }
        return raw
    }

    private func decompress(_ frame: [UInt8], count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = ZSTD_decompress(&bytes, count, frame, frame.count)
        guard found == count else {
            throw FormatError.wrongValue(
                field: "raw size", expected: UInt64(count), found: UInt64(found))
        }
        return bytes
    }

    /// The codes of a sparse chunk, one after the other as formats/container.md has them.
    private func sparseCodes(_ stored: [UInt8], count: Int) throws -> [UInt8] {
        let maskSize = (0..<4).reduce(0) { $0 | Int(stored[$1]) << (8 * $1) }
        func part(_ bytes: ArraySlice<UInt8>, _ count: Int) throws -> [UInt8] {
            try bytes.count == count ? Array(bytes) : decompress(Array(bytes), count: count)
        }
        let mask = try part(stored[4..<4 + maskSize], (count + 7) / 8)
        let places = (0..<count).filter { mask[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
        let values = try part(stored[(4 + maskSize)...], places.count)
        var codes = [UInt8](repeating: 0, count: count)
        for (place, value) in zip(places, values) { codes[place] = value }
        return codes
    }
}

func crc32c(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var state = atn_sha256()
    atn_sha256_begin(&state)
    bytes.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
    var digest = [UInt8](repeating: 0, count: 32)
    atn_sha256_end(&state, &digest)
    return digest
}
