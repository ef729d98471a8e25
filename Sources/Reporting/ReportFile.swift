import AtomicFiles
import Foundation
import Glibc

/// A report on disk.
package enum ReportFile {
    /// Writes a file that appears complete or not at all: beside it under a temporary name, synced,
    /// then renamed.
    ///
    /// - Throws: `file`; nothing is left behind then.
    package static func write(_ text: String, to path: String) throws(ReportingError) {
        do {
            let file = try AtomicFile(path: path)
            try file.append(Array(text.utf8))
            try file.commit()
        } catch {
            throw .file(path, operation: error.operation, errno: error.errno)
        }
    }

    /// Checks that a file can be created beside the path.
    ///
    /// - Throws: `file`
    package static func checkFolder(of path: String) throws(ReportingError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        guard access(folder.path, W_OK | X_OK) == 0 else {
            throw .file(path, operation: "create", errno: errno)
        }
    }
}
