import Glibc

/// A system call on an output file that failed.
package struct AtomicFileError: Error, Equatable, Sendable {
    /// What was tried: create, write, sync, close or rename.
    package let operation: String
    package let errno: Int32

    package init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    package var description: String {
        "\(operation): \(String(cString: strerror(errno)))"
    }
}
