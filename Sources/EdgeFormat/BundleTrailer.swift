import CChecksums

/// The last 32 bytes of a program with a container attached (formats/bundle.md).
package struct BundleTrailer: Equatable, Sendable {
    package static let byteCount = 32
    /// Where the container starts is a multiple of this, so that it can be mapped like a file.
    package static let alignment = 4096
    private static var magic: [UInt8] { [0x89, 0x41, 0x54, 0x4e, 0x42, 0x0d, 0x1a, 0x0a] }

    package var containerOffset: Int
    package var containerSize: Int

    package init(containerOffset: Int, containerSize: Int) {
        self.containerOffset = containerOffset
        self.containerSize = containerSize
    }

    /// Reads the trailer of a file of `fileSize` bytes from its last bytes; nil if it has none.
    package init?(parsing tail: UnsafeRawBufferPointer, fileSize: Int) throws(FormatError) {
        guard tail.count >= Self.byteCount, fileSize >= tail.count else { return nil }
        let trailer = UnsafeRawBufferPointer(rebasing: tail[(tail.count - Self.byteCount)...])
        var reader = ByteReader(trailer)
        guard try reader.array(8, "magic number") == Self.magic else { return nil }
        containerOffset = try reader.size("offset of the attached container")
        containerSize = try reader.size("size of the attached container")
        let recorded = try reader.u32("checksum of the trailer")
        try reader.zeros(4, "reserved bytes of the trailer")
        let computed = atn_crc32c(0, trailer.baseAddress, 24)
        guard recorded == computed else {
            throw .wrongChecksum(field: "trailer", expected: recorded, found: computed)
        }
        let room = fileSize - Self.byteCount
        guard containerOffset <= room, containerSize == room - containerOffset,
            containerOffset % Self.alignment == 0
        else {
            throw .wrongValue(
                field: "size of the attached container",
                expected: UInt64(max(0, room - min(room, containerOffset))),
                found: UInt64(containerSize))
        }
    }

    /// The same for bytes of one's own.
    package static func trailer(
        in tail: [UInt8], fileSize: Int
    ) throws(FormatError) -> BundleTrailer? {
        // withUnsafeBytes would forget the type of the error.
        let result = tail.withUnsafeBytes { tail -> Result<BundleTrailer?, FormatError> in
            do throws(FormatError) {
                return .success(try BundleTrailer(parsing: tail, fileSize: fileSize))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The 32 bytes of the trailer.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.u64(UInt64(containerOffset))
        writer.u64(UInt64(containerSize))
        let checksum = writer.bytes.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
        writer.u32(checksum)
        writer.zeros(4)
        return writer.bytes
    }
}
