import Foundation
import Glibc

/// A path for a file that is removed unless it is moved to its place, also when the program is
/// interrupted.
///
/// It lies in the folder of that place, so that moving it there is one step.
package final class TemporaryFile {
    package let path: String
    private let destination: String
    private var isThere = true

    /// - Parameters:
    ///   - destination: Where the file may be moved.
    ///   - suffix: What its name ends with.
    package init(beside destination: String, suffix: String = ".tmp") {
        self.destination = destination
        let url = URL(fileURLWithPath: destination)
        let folder = url.deletingLastPathComponent().path
        let unique = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        path = "\(folder)/.\(url.lastPathComponent).\(unique)\(suffix)"
        InterruptedFiles.shared.add(path)
    }

    deinit {
        guard isThere else { return }
        unlink(path)
        InterruptedFiles.shared.remove(path)
    }

    /// Gives a complete file its name in place of what is there.
    package func move() throws(AtomicFileError) {
        guard rename(path, destination) == 0 else {
            throw AtomicFileError(operation: "rename", errno: errno)
        }
        isThere = false
        InterruptedFiles.shared.remove(path)
        AtomicFile.syncFolder(of: destination)
    }
}
