import Glibc

/// A regular file mapped for reading.
///
/// The file must not shrink while it is mapped: reading past its new end raises SIGBUS.
final class MappedFile: @unchecked Sendable {
    private let address: UnsafeRawPointer?
    let byteCount: Int

    /// - Parameter name: What errors call the file.
    init(path: String, name: String) throws(CheckpointError) {
        let (descriptor, byteCount) = try openRegularFile(path: path, name: name)
        defer { close(descriptor) }
        self.byteCount = byteCount
        guard byteCount > 0 else {
            address = nil
            return
        }
        let mapping = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else {
            throw .unreadable(file: name, errno: errno)
        }
        address = UnsafeRawPointer(mapping)
    }

    deinit {
        if let address {
            munmap(UnsafeMutableRawPointer(mutating: address), byteCount)
        }
    }

    /// The bytes of the file; valid while the object lives.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: address, count: byteCount)
    }

    /// Lets the system take back the memory behind a range; reading it again loads it again.
    func release(_ range: Range<Int>) {
        guard let address, !range.isEmpty else { return }
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = range.lowerBound / pageSize * pageSize
        madvise(
            UnsafeMutableRawPointer(mutating: address + start), range.upperBound - start,
            MADV_DONTNEED)
    }
}

/// Opens a file for reading without waiting for a writer, as a FIFO would.
///
/// - Returns: The descriptor, to be closed by the caller, and the size of the file.
func openRegularFile(
    path: String, name: String
) throws(CheckpointError) -> (descriptor: Int32, byteCount: Int) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
        if errno == ENOENT { throw .notFound(path: path) }
        throw .unreadable(file: name, errno: errno)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
        let reason = errno
        close(descriptor)
        throw .unreadable(file: name, errno: reason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw .notRegularFile(file: name)
    }
    return (descriptor, Int(status.st_size))
}
