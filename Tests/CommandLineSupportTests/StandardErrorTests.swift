import Foundation
import Testing

/// Tests that change standard error for a moment, one after the other; what others write meanwhile
/// is passed on.
@Suite(.serialized) enum StandardErrorTests {
    /// What `body` writes to standard error while that is `descriptor`; `source` is its other end.
    static func capture(
        _ descriptor: Int32, readingFrom source: Int32, _ body: () -> Void
    ) throws -> String {
        let original = dup(2)
        try #require(original >= 0)
        try #require(dup2(descriptor, 2) == 2)
        body()
        dup2(original, 2)
        close(original)
        close(descriptor)
        _ = fcntl(source, F_SETFL, O_NONBLOCK)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(source, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        close(source)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What `body` writes to standard error while that is a pipe.
    static func capture(_ body: () -> Void) throws -> String {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let written = try capture(ends[1], readingFrom: ends[0], body)
        FileHandle.standardError.write(Data(written.utf8))
        return written
    }
}
