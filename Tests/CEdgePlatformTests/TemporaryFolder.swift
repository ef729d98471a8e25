import Glibc

/// A folder that is removed with what it holds.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/attenuate-platform-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
    }

    deinit {
        Self.remove(path)
    }

    private static func remove(_ path: String) {
        guard let folder = opendir(path) else {
            unlink(path)
            return
        }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(cString: $0.bindMemory(to: CChar.self).baseAddress!)
            }
            if name != "." && name != ".." { remove(path + "/" + name) }
        }
        closedir(folder)
        rmdir(path)
    }

    /// Writes a file, makes the folders that its name has, and returns its path.
    @discardableResult
    func file(_ name: String, _ bytes: [UInt8]) -> String {
        var path = path
        for part in name.split(separator: "/") {
            mkdir(path, 0o700)
            path += "/" + part
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(bytes.isEmpty || write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        return path
    }
}
