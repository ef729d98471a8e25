import CChecksums

/// The first 128 bytes of a container.
package struct ContainerHeader: Equatable, Sendable {
    package static let byteCount = 128
    package static var magic: [UInt8] { [0x89, 0x41, 0x54, 0x4e, 0x0d, 0x0a, 0x1a, 0x0a] }
    /// The version of the format that this code reads and writes.
    package static let version: UInt16 = 2
    /// Start of a tensor in the file.
    package static let alignment = 64

    package var fileSize: Int
    package var directoryOffset: Int
    package var directorySize: Int
    /// SHA-256 of the bytes from 128 to the end of the file.
    package var contentDigest: [UInt8]
    package var directoryChecksum: UInt32

    package init(
        fileSize: Int, directoryOffset: Int, directorySize: Int, contentDigest: [UInt8],
        directoryChecksum: UInt32
    ) {
        self.fileSize = fileSize
        self.directoryOffset = directoryOffset
        self.directorySize = directorySize
        self.contentDigest = contentDigest
        self.directoryChecksum = directoryChecksum
    }

    /// Reads and checks the header of a whole file.
    package init(parsing file: UnsafeRawBufferPointer) throws(FormatError) {
        var reader = ByteReader(file)
        let magic = try reader.array(8, "magic number")
        guard magic == Self.magic else { throw Self.magicError(magic) }
        guard file.count >= Self.byteCount, let start = file.baseAddress else {
            throw .truncated(
                field: "header", offset: 0, needed: Self.byteCount, available: file.count)
        }
        let readVersion = try reader.u16("read version")
        guard readVersion <= Self.version else {
            throw .tooNew(readVersion: Int(readVersion), supported: Int(Self.version))
        }
        let writeVersion = try reader.u16("write version")
        let recorded = UInt32(
            littleEndian: (start + 124).loadUnaligned(as: UInt32.self))
        let computed = atn_crc32c(0, start, 124)
        guard recorded == computed else {
            throw .wrongChecksum(field: "header", expected: recorded, found: computed)
        }
        guard readVersion == Self.version else {
            throw .wrongValue(
                field: "read version", expected: UInt64(Self.version), found: UInt64(readVersion))
        }
        guard writeVersion >= readVersion else {
            throw .wrongValue(
                field: "write version", expected: UInt64(readVersion),
                found: UInt64(writeVersion))
        }
        let headerSize = try reader.u32("header size")
        guard headerSize == Self.byteCount else {
            throw .wrongValue(
                field: "header size", expected: UInt64(Self.byteCount), found: UInt64(headerSize))
        }
        let reserved = try reader.u32("reserved flags")
        guard reserved == 0 else {
            throw .wrongValue(field: "reserved flags", expected: 0, found: UInt64(reserved))
        }
        _ = try reader.u32("unused flags")
        fileSize = try reader.size("file size")
        directoryOffset = try reader.size("directory offset")
        directorySize = try reader.size("directory size")
        contentDigest = try reader.array(32, "content digest")
        directoryChecksum = try reader.u32("directory checksum")
        try reader.zeros(40, "reserved bytes")

        guard fileSize == file.count else {
            throw .wrongValue(
                field: "file size", expected: UInt64(fileSize), found: UInt64(file.count))
        }
        guard directorySize <= ContainerLimits.directoryBytes else {
            throw .overLimit(
                field: "directory size", limit: UInt64(ContainerLimits.directoryBytes),
                found: UInt64(directorySize))
        }
        guard directoryOffset >= Self.byteCount, directoryOffset % Self.alignment == 0,
            directoryOffset <= fileSize, fileSize - directoryOffset == directorySize
        else {
            throw .wrongValue(
                field: "directory offset",
                expected: UInt64(max(0, fileSize - min(directorySize, fileSize))),
                found: UInt64(directoryOffset))
        }
    }

    /// The 128 bytes of the header.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.u16(Self.version)
        writer.u16(Self.version)
        writer.u32(UInt32(Self.byteCount))
        writer.u32(0)
        writer.u32(0)
        writer.u64(UInt64(fileSize))
        writer.u64(UInt64(directoryOffset))
        writer.u64(UInt64(directorySize))
        writer.append(contentDigest)
        writer.u32(directoryChecksum)
        writer.zeros(40)
        let checksum = writer.bytes.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
        writer.u32(checksum)
        return writer.bytes
    }

    /// Tells a file that lost its carriage returns or its high bits from one that never was ours.
    private static func magicError(_ found: [UInt8]) -> FormatError {
        let name: [UInt8] = [0x41, 0x54, 0x4e]
        return Array(found[1..<4]) == name && (found[0] == 0x89 || found[0] == 0x09)
            ? .damagedByTextMode : .notAContainer
    }
}
