import Foundation
import Glibc

/// A file that appears at its path complete or not at all: written beside it under a temporary
/// name, synced, then renamed.
final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    /// −1 when closed.
    private var descriptor: Int32
    private var isTemporary = false
    private(set) var offset = 0

    /// Creates the temporary file in the folder of `path`.
    init(path: String) throws(PackagingError) {
        self.path = path
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        // A name of its own: never a file that is there, nor where a link in its place leads.
        let unique = UInt64.random(in: 0...UInt64.max)
        temporaryPath =
            "\(folder)/.\(url.lastPathComponent).\(String(unique, radix: 36)).tmp"
        descriptor = open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .file(operation: "create", errno: errno) }
        isTemporary = true
        InterruptedFiles.shared.add(temporaryPath)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        guard isTemporary else { return }
        unlink(temporaryPath)
        InterruptedFiles.shared.remove(temporaryPath)
    }

    /// Appends bytes.
    func append(_ bytes: [UInt8]) throws(PackagingError) {
        try write(bytes, at: offset)
        offset += bytes.count
    }

    /// Writes bytes over what is there.
    func write(_ bytes: [UInt8], at position: Int) throws(PackagingError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done,
                    position + done)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                throw .file(operation: "write", errno: count == 0 ? ENOSPC : errno)
            }
            done += count
        }
    }

    /// Lends the bytes that were written so far.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(PackagingError) -> Result
    ) throws(PackagingError) -> Result {
        guard let start = mmap(nil, max(1, offset), PROT_READ, MAP_SHARED, descriptor, 0),
            start != MAP_FAILED
        else {
            throw .file(operation: "map", errno: errno)
        }
        defer { munmap(start, max(1, offset)) }
        return try body(UnsafeRawBufferPointer(start: start, count: offset))
    }

    /// Syncs the file and gives it its name.
    func commit() throws(PackagingError) {
        guard fsync(descriptor) == 0 else { throw .file(operation: "sync", errno: errno) }
        guard close(descriptor) == 0 else {
            descriptor = -1
            throw .file(operation: "close", errno: errno)
        }
        descriptor = -1
        guard rename(temporaryPath, path) == 0 else {
            throw .file(operation: "rename", errno: errno)
        }
        isTemporary = false
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

extension PackagingError {
    static func text(of errno: Int32) -> String {
        String(cString: strerror(errno))
    }
}
