/// How the bytes of a chunk are stored.
package enum ChunkEncoding: UInt8, Sendable {
    /// As they are, so that the range can be used where it is mapped.
    case raw = 0
    /// One zstd frame (RFC 8878).
    case zstd = 1
    /// The places and values of the codes that are not zero (`SparseChunk`).
    case sparse = 2
}

/// One independently stored piece of a tensor.
package struct ChunkRecord: Equatable, Sendable {
    package static let byteCount = 24

    /// From the start of the file.
    package var offset: Int
    package var storedSize: Int
    package var rawSize: Int
    /// CRC-32C of the stored bytes.
    package var checksum: UInt32
    package var encoding: ChunkEncoding

    package init(
        offset: Int, storedSize: Int, rawSize: Int, checksum: UInt32, encoding: ChunkEncoding
    ) {
        self.offset = offset
        self.storedSize = storedSize
        self.rawSize = rawSize
        self.checksum = checksum
        self.encoding = encoding
    }

    init(parsing reader: inout ByteReader) throws(FormatError) {
        offset = try reader.size("chunk offset")
        storedSize = try reader.number("chunk stored size")
        rawSize = try reader.number("chunk raw size")
        checksum = try reader.u32("chunk checksum")
        let code = try reader.u8("chunk encoding")
        guard let encoding = ChunkEncoding(rawValue: code) else {
            throw .unknownCode(field: "chunk encoding", code: UInt64(code))
        }
        self.encoding = encoding
        try reader.zeros(3, "chunk padding")
        guard rawSize > 0, rawSize <= ContainerLimits.chunkRawBytes else {
            throw .overLimit(
                field: "chunk raw size", limit: UInt64(ContainerLimits.chunkRawBytes),
                found: UInt64(rawSize))
        }
        // A frame that grows is never worth storing; the bound also keeps sizes honest.
        guard storedSize > 0, storedSize <= rawSize else {
            throw .overLimit(
                field: "chunk stored size", limit: UInt64(rawSize), found: UInt64(storedSize))
        }
        guard encoding != .raw || storedSize == rawSize else {
            throw .wrongValue(
                field: "stored size of a raw chunk", expected: UInt64(rawSize),
                found: UInt64(storedSize))
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.u64(UInt64(offset))
        writer.u32(UInt32(storedSize))
        writer.u32(UInt32(rawSize))
        writer.u32(checksum)
        writer.u8(encoding.rawValue)
        writer.zeros(3)
    }
}
