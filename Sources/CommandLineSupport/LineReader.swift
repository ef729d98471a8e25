import CEdgePlatform

/// Reads lines from a file or from standard input.
package struct LineReader {
    /// A longer line is refused, so that memory stays bounded.
    package static let maximumLineBytes = 64 << 20

    package enum Line: Equatable {
        /// Without its line end.
        case text([UInt8])
        /// Longer than the limit; its bytes were skipped.
        case tooLong
    }

    private let descriptor: Int32
    private var lines = LineBuffer()
    private var chunk: [UInt8]
    private var isAtEnd = false
    /// The errno value of a read that failed, 0 if none did.
    package private(set) var error: Int32 = 0

    /// Reads from an open descriptor, which stays open.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
        chunk = [UInt8](repeating: 0, count: 1 << 16)
    }

    /// Whether a whole line has been read already, so that `next` does not wait.
    package var hasLine: Bool { lines.hasLine }

    /// The next line, or nil at the end of the input.
    package mutating func next() -> Line? {
        while !lines.hasLine, !isAtEnd {
            let count = edgep_read(descriptor, &chunk, chunk.count)
            if count > 0 {
                lines.append(chunk[..<Int(count)], limit: Self.maximumLineBytes)
            } else {
                if count < 0 { error = Int32(-count) }
                isAtEnd = true
                lines.endLastLine()
            }
        }
        return lines.next()
    }
}
