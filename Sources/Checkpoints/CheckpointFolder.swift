import Glibc

/// A folder whose files are opened by name and never from outside it.
///
/// Links are followed when they stay inside the folder, or lead from a snapshot of the Hugging Face
/// cache (`…/snapshots/<revision>`) to its `blobs` folder.
struct CheckpointFolder: Sendable {
    /// The path without links.
    let path: String

    /// - Throws: `notFound`, `unreadable`
    init(path: String) throws(CheckpointError) {
        guard let resolved = resolvedPath(path) else {
            if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
            throw .unreadable(file: path, errno: errno)
        }
        self.path = resolved
    }

    /// Whether a name denotes a file directly in a folder.
    static func isBareName(_ name: String) -> Bool {
        let forbidden = [0, UInt8(ascii: "/"), UInt8(ascii: "\\")]
        return !name.isEmpty && name != "." && name != ".."
            && !name.utf8.contains { forbidden.contains($0) }
    }

    /// The path of a file, links resolved; nil if there is no such file.
    ///
    /// - Parameter name: A bare name, or bare names separated by `/`.
    func locate(_ name: String) throws(CheckpointError) -> String? {
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy({ Self.isBareName(String($0)) }) else {
            throw .unsafeFileName(name)
        }
        guard let resolved = resolvedPath(path + "/" + name) else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .unreadable(file: name, errno: errno)
        }
        guard allowedRoots.contains(where: { resolved.utf8.starts(with: $0.utf8) }) else {
            throw .leavesFolder(file: name, target: resolved)
        }
        return resolved
    }

    /// The content of a file; nil if there is no such file.
    func read(_ name: String, limit: Int) throws(CheckpointError) -> [UInt8]? {
        guard let path = try locate(name) else { return nil }
        let (descriptor, byteCount) = try openRegularFile(path: path, name: name)
        defer { close(descriptor) }
        guard byteCount <= limit else {
            throw .fileTooLarge(file: name, byteCount: byteCount, limit: limit)
        }
        var failure: Int32 = 0
        let content = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            while count < byteCount {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, byteCount - count)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else { throw .unreadable(file: name, errno: failure) }
        return content
    }

    /// The names of what lies directly in the folder, in ascending order; empty if it cannot be
    /// listed.
    func names() -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private var allowedRoots: [String] {
        let components = path.split(separator: "/")
        guard components.count >= 2, components[components.count - 2] == "snapshots" else {
            return [path == "/" ? path : path + "/"]
        }
        let blobs = "/" + (components.dropLast(2) + ["blobs"]).joined(separator: "/") + "/"
        return [path + "/", blobs]
    }
}

/// `realpath(3)`; nil with `errno` set if it fails.
private func resolvedPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}
