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
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// The errno value of a read that failed, 0 if none did.
    package private(set) var error: Int32 = 0

    /// Reads from an open descriptor, which stays open.
    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Whether a whole line has been read already, so that `next` does not wait.
    package var hasLine: Bool {
        buffer[min(start, buffer.count)...].contains(0x0a)
    }

    /// The next line, or nil at the end of the input.
    package mutating func next() -> Line? {
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            if start < buffer.count {
                let rest = buffer[start...]
                if let end = rest.firstIndex(of: 0x0a) {
                    append(buffer[start..<end], to: &line, &isTooLong)
                    start = end + 1
                    return finish(line, isTooLong)
                }
                append(rest, to: &line, &isTooLong)
                start = buffer.count
            }
            if isAtEnd { return line.isEmpty && !isTooLong ? nil : finish(line, isTooLong) }
            fill()
        }
    }

    private func append(_ bytes: ArraySlice<UInt8>, to line: inout [UInt8], _ isTooLong: inout Bool)
    {
        if isTooLong || line.count + bytes.count > Self.maximumLineBytes {
            isTooLong = true
            line = []
        } else {
            line.append(contentsOf: bytes)
        }
    }

    private func finish(_ line: [UInt8], _ isTooLong: Bool) -> Line {
        if isTooLong { return .tooLong }
        // Files from Windows end their lines with CR LF.
        return .text(line.last == 0x0d ? Array(line.dropLast()) : line)
    }

    private mutating func fill() {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = edgep_read(descriptor, &bytes, bytes.count)
        if count <= 0 {
            if count < 0 { error = Int32(-count) }
            isAtEnd = true
            buffer = []
        } else {
            bytes.removeLast(bytes.count - Int(count))
            buffer = bytes
        }
        start = 0
    }
}
