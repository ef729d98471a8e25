import Foundation
import Glibc

/// A file that appears at its path complete or not at all: written beside it under a temporary
/// name, synced, then renamed.
package final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    private var descriptor: Int32
    /// Bytes appended so far.
    package private(set) var offset = 0

    /// Creates the temporary file in the folder of `path`.
    package init(path: String) throws(AtomicFileError) {
        self.path = path
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        temporaryPath = "\(folder)/.\(url.lastPathComponent).\(getpid()).tmp"
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AtomicFileError(operation: "create", errno: errno) }
        InterruptedFiles.shared.add(temporaryPath)
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
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

    /// Syncs the file and gives it its name.
    package func commit() throws(AtomicFileError) {
        guard fsync(descriptor) == 0 else { throw AtomicFileError(operation: "sync", errno: errno) }
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw AtomicFileError(operation: "close", errno: errno)
        }
        descriptor = -1
        guard rename(temporaryPath, path) == 0 else {
            let error = errno
            unlink(temporaryPath)
            throw AtomicFileError(operation: "rename", errno: error)
        }
        InterruptedFiles.shared.remove(temporaryPath)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folderDescriptor >= 0 {
            // Some file systems cannot sync folders; the file itself is safe.
            _ = fsync(folderDescriptor)
            close(folderDescriptor)
        }
    }
}
