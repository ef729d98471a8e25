import CChecksums
import CEdgePlatform
package import EdgeFormat

/// An opened container: its bytes, mapped or borrowed, and its checked directory.
///
/// What is stored compressed is read, not looked at through the mapping: then its pages are no part
/// of this process, and a file that somebody cuts meanwhile is an error instead of a signal.
package final class Container {
    package let bytes: UnsafeRawBufferPointer
    package let header: ContainerHeader
    package let directory: ContainerDirectory
    /// The mapped file, or −1.
    private let descriptor: Int32

    /// Maps the file at `path` and checks everything but the contents of the chunks.
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
        let bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
        do {
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
        descriptor = -1
    }

    deinit {
        guard descriptor >= 0 else { return }
        edgep_unmap_file(bytes.baseAddress, bytes.count)
        edgep_close(descriptor)
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
        let count = edgep_read_at(
            descriptor, UInt64(chunk.offset), buffer, chunk.storedSize)
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
