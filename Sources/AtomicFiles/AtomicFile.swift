import Foundation
import Glibc

/// A file that appears at its path complete or not at all: written beside it under a temporary
/// name, synced, then renamed.
package final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    /// −1 when closed.
    private var descriptor: Int32
    private var isTemporary = false
    /// Bytes appended so far.
    package private(set) var offset = 0

    /// Creates the temporary file in the folder of `path`.
    package init(path: String, isExecutable: Bool = false) throws(AtomicFileError) {
        self.path = path
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        // A name of its own: never a file that is there, nor where a link in its place leads.
        let unique = UInt64.random(in: 0...UInt64.max)
        temporaryPath =
            "\(folder)/.\(url.lastPathComponent).\(String(unique, radix: 36)).tmp"
        // Known before it exists, so that no interruption leaves it behind.
        InterruptedFiles.shared.add(temporaryPath)
        descriptor = open(
            temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, isExecutable ? 0o755 : 0o644)
        guard descriptor >= 0 else {
            let error = errno
            InterruptedFiles.shared.remove(temporaryPath)
            throw AtomicFileError(operation: "create", errno: error)
        }
        isTemporary = true
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        guard isTemporary else { return }
        unlink(temporaryPath)
        InterruptedFiles.shared.remove(temporaryPath)
    }

    /// Appends bytes.
    package func append(_ bytes: [UInt8]) throws(AtomicFileError) {
        try write(bytes, at: offset)
        offset += bytes.count
    }

    /// Writes bytes over what is there.
    package func write(_ bytes: [UInt8], at position: Int) throws(AtomicFileError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done,
                    position + done)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw AtomicFileError(operation: "write", errno: count == 0 ? ENOSPC : errno)
            }
            done += count
        }
    }

    /// Lends the bytes that were written so far.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(AtomicFileError) -> Result {
        guard let start = mmap(nil, max(1, offset), PROT_READ, MAP_SHARED, descriptor, 0),
            start != MAP_FAILED
        else {
            throw AtomicFileError(operation: "map", errno: errno)
        }
        defer { munmap(start, max(1, offset)) }
        return body(UnsafeRawBufferPointer(start: start, count: offset))
    }

    /// Syncs the file and gives it its name.
    package func commit() throws(AtomicFileError) {
        guard fsync(descriptor) == 0 else { throw AtomicFileError(operation: "sync", errno: errno) }
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw AtomicFileError(operation: "close", errno: errno)
        }
        descriptor = -1
        guard rename(temporaryPath, path) == 0 else {
            throw AtomicFileError(operation: "rename", errno: errno)
        }
        isTemporary = false
        InterruptedFiles.shared.remove(temporaryPath)
        Self.syncFolder(of: path)
    }

    static func syncFolder(of path: String) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            // Some file systems cannot sync folders; the file itself is safe.
            _ = fsync(descriptor)
            close(descriptor)
        }
    }
}
