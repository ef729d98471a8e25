import Foundation
import Glibc

/// A report on disk.
package enum ReportFile {
    /// Writes a file that appears complete or not at all: beside it under a temporary name, synced,
    /// then renamed.
    ///
    /// - Throws: `file`; nothing is left behind then.
    package static func write(_ text: String, to path: String) throws(ReportingError) {
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent()
        let temporary = folder.appendingPathComponent(".\(url.lastPathComponent).\(getpid()).tmp")
        let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .file(path, operation: "create", errno: errno) }
        let failure = store(Array(text.utf8), descriptor: descriptor)
        close(descriptor)
        if let failure {
            unlink(temporary.path)
            throw .file(path, operation: "write", errno: failure)
        }
        guard rename(temporary.path, url.path) == 0 else {
            let code = errno
            unlink(temporary.path)
            throw .file(path, operation: "rename", errno: code)
        }
    }

    /// Writes and syncs; the errno value if that fails.
    private static func store(_ bytes: [UInt8], descriptor: Int32) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? ENOSPC : errno }
            rest = rest.dropFirst(count)
        }
        return fsync(descriptor) == 0 ? nil : errno
    }
}
