import CChecksums
import CEdgePlatform
package import EdgeFormat

/// An opened container: its bytes, mapped or borrowed, and its checked directory.
package final class Container {
    package let bytes: UnsafeRawBufferPointer
    package let header: ContainerHeader
    package let directory: ContainerDirectory
    private let isMapped: Bool

    /// Maps the file at `path` and checks everything but the contents of the chunks.
    package init(path: [UInt8]) throws(RuntimeError) {
        var start: UnsafeRawPointer?
        var byteCount = 0
        let status = (path + [0]).withUnsafeBytes { path in
            edgep_map_file(
                path.baseAddress?.assumingMemoryBound(to: CChar.self), &start, &byteCount)
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
            throw .format(error)
        }
        self.bytes = bytes
        isMapped = true
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
        isMapped = false
    }

    deinit {
        if isMapped { edgep_unmap_file(bytes.baseAddress, bytes.count) }
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

    /// The stored bytes of a chunk, after checking them.
    func storedBytes(ofChunk index: Int) throws(FormatError) -> UnsafeRawBufferPointer {
        let chunk = directory.chunks[index]
        let stored = UnsafeRawBufferPointer(
            rebasing: bytes[chunk.offset..<chunk.offset + chunk.storedSize])
        let found = atn_crc32c(0, stored.baseAddress, stored.count)
        guard found == chunk.checksum else {
            throw .chunkDamaged(index: index, expected: chunk.checksum, found: found)
        }
        return stored
    }

    /// Gives the stored bytes of a tensor back to the operating system until they are read again.
    func releasePages(of tensor: TensorRecord) {
        guard isMapped, tensor.chunkCount > 0, let start = bytes.baseAddress else { return }
        let first = directory.chunks[tensor.firstChunk]
        let last = directory.chunks[tensor.firstChunk + tensor.chunkCount - 1]
        edgep_release_pages(
            start + first.offset, last.offset + last.storedSize - first.offset)
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
