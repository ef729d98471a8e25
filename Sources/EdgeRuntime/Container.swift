import CChecksums
import CEdgePlatform
package import EdgeFormat

/// An opened container: its bytes, mapped or borrowed, and its checked directory.
///
/// What is stored compressed is read, not looked at through the mapping: then its pages are no part
/// of this process, and a file that somebody cuts meanwhile is an error instead of a signal.
package final class Container {
    /// Those of the container, in a bundle a part of the file.
    package let bytes: UnsafeRawBufferPointer
    /// Those of the file, if it is mapped.
    private let mapping: UnsafeRawBufferPointer
    package let header: ContainerHeader
    package let directory: ContainerDirectory
    /// The mapped file, or −1.
    private let descriptor: Int32

    /// Maps the file at `path`, a container or a bundle (formats/bundle.md), and checks everything
    /// but the contents of the chunks.
    package init(path: [UInt8]) throws(RuntimeError) {
        var start: UnsafeRawPointer?
        var byteCount = 0
        var descriptor: Int32 = -1
        let status = (path + [0]).withUnsafeBytes { path in
            edgep_open_and_map_file(
                path.baseAddress?.assumingMemoryBound(to: CChar.self), &start, &byteCount,
                &descriptor)
        }
        guard status == 0 else { throw .file(errno: -status) }
        let mapping = UnsafeRawBufferPointer(start: start, count: byteCount)
        var bytes = mapping
        do {
            if let trailer = try BundleTrailer(parsing: mapping, fileSize: byteCount) {
                let end = trailer.containerOffset + trailer.containerSize
                bytes = UnsafeRawBufferPointer(rebasing: mapping[trailer.containerOffset..<end])
            }
            let header = try ContainerHeader(parsing: bytes)
            try Self.checkDirectory(bytes, header)
            directory = try ContainerDirectory(parsing: bytes, header: header)
            self.header = header
        } catch {
            edgep_unmap_file(start, byteCount)
            edgep_close(descriptor)
            throw .format(error)
        }
        self.bytes = bytes
        self.mapping = mapping
        self.descriptor = descriptor
    }

    /// Uses the bytes of a container that outlive this object.
    package init(borrowing bytes: UnsafeRawBufferPointer) throws(RuntimeError) {
        do {
            header = try ContainerHeader(parsing: bytes)
            try Self.checkDirectory(bytes, header)
            directory = try ContainerDirectory(parsing: bytes, header: header)
        } catch {
            throw .format(error)
        }
        self.bytes = bytes
        mapping = UnsafeRawBufferPointer(start: nil, count: 0)
        descriptor = -1
    }

    deinit {
        guard descriptor >= 0 else { return }
        edgep_unmap_file(mapping.baseAddress, mapping.count)
        edgep_close(descriptor)
    }

    /// Whether the file at `path` ends as a bundle does, well formed or not.
    package static func isBundle(path: [UInt8]) -> Bool {
        var tail = [UInt8](repeating: 0, count: BundleTrailer.byteCount)
        var fileSize: Int64 = 0
        let count = (path + [0]).withUnsafeBytes { path in
            tail.withUnsafeMutableBytes { tail in
                edgep_read_tail(
                    path.baseAddress?.assumingMemoryBound(to: CChar.self), tail.baseAddress,
                    tail.count, &fileSize)
            }
        }
        guard count == BundleTrailer.byteCount else { return false }
        do {
            return try BundleTrailer.trailer(in: tail, fileSize: Int(clamping: fileSize)) != nil
        } catch {
            return true
        }
    }

    private static func checkDirectory(
        _ bytes: UnsafeRawBufferPointer, _ header: ContainerHeader
    ) throws(FormatError) {
        let found = atn_crc32c(
            0, bytes.baseAddress.map { $0 + header.directoryOffset }, header.directorySize)
        guard found == header.directoryChecksum else {
            throw .wrongChecksum(
                field: "directory", expected: header.directoryChecksum, found: found)
        }
    }

    /// Bytes that the largest chunk takes in the file.
    var largestStoredSize: Int { directory.chunks.reduce(0) { max($0, $1.storedSize) } }

    /// The stored bytes of a chunk, after checking them: for chunks that are used as they lie in
    /// the file.
    func mappedBytes(ofChunk index: Int) throws(FormatError) -> UnsafeRawBufferPointer {
        let chunk = directory.chunks[index]
        let stored = UnsafeRawBufferPointer(
            rebasing: bytes[chunk.offset..<chunk.offset + chunk.storedSize])
        try check(stored, ofChunk: index)
        return stored
    }

    /// The stored bytes of a chunk, after checking them: read into `buffer`, which has room for
    /// `largestStoredSize`, or those in memory if the container was not read from a file.
    func storedBytes(
        ofChunk index: Int, through buffer: UnsafeMutableRawPointer
    ) throws(FormatError) -> UnsafeRawBufferPointer {
        guard descriptor >= 0 else { return try mappedBytes(ofChunk: index) }
        let chunk = directory.chunks[index]
        let offset = bytes.baseAddress.flatMap { start in
            mapping.baseAddress.map { start - $0 + chunk.offset }
        }
        let count = edgep_read_at(descriptor, UInt64(offset ?? 0), buffer, chunk.storedSize)
        guard count == chunk.storedSize else {
            throw .chunkNotReadable(
                index: index, errno: count < 0 ? Int(-count) : 0, expected: chunk.storedSize,
                found: Int(max(0, count)))
        }
        let stored = UnsafeRawBufferPointer(start: buffer, count: chunk.storedSize)
        try check(stored, ofChunk: index)
        return stored
    }

    private func check(
        _ stored: UnsafeRawBufferPointer, ofChunk index: Int
    ) throws(FormatError) {
        let chunk = directory.chunks[index]
        let found = atn_crc32c(0, stored.baseAddress, stored.count)
        guard found == chunk.checksum else {
            throw .chunkDamaged(index: index, expected: chunk.checksum, found: found)
        }
    }

    /// Whether the bytes from 128 on have the digest that the header records.
    package func contentDigestMatches() -> Bool {
        var state = atn_sha256()
        atn_sha256_begin(&state)
        let content = UnsafeRawBufferPointer(rebasing: bytes[ContainerHeader.byteCount...])
        atn_sha256_update(&state, content.baseAddress, content.count)
        var digest = [UInt8](repeating: 0, count: 32)
        digest.withUnsafeMutableBufferPointer { atn_sha256_end(&state, $0.baseAddress) }
        return digest == header.contentDigest
    }
}
