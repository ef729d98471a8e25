import CEdgePlatform

/// Splits bytes that arrive in pieces into lines.
package struct LineBuffer {
    private var bytes: [UInt8] = []
    /// Where the next line starts.
    private var start = 0
    /// Where the next line ends, if all of it is here.
    private var end: Int?
    /// Whether bytes of the next line were dropped.
    private var isTooLong = false

    package init() {}

    /// Whether `next` has a line.
    package var hasLine: Bool { end != nil }

    /// Bytes of all lines, also of one whose end is missing.
    package var byteCount: Int { bytes.count - start }

    /// Adds bytes; of a first line with more than `limit` bytes nothing is kept but that it was
    /// there.
    package mutating func append(_ piece: ArraySlice<UInt8>, limit: Int) {
        let known = bytes.count
        bytes.append(contentsOf: piece)
        if end == nil { end = lineEnd(from: known) }
        guard isTooLong || (end ?? bytes.count) - start > limit else { return }
        isTooLong = true
        bytes = Array(bytes[(end ?? bytes.count)...])
        start = 0
        if end != nil { end = 0 }
    }

    /// Makes a line of what follows the last line end.
    package mutating func endLastLine() {
        if bytes.last.map({ $0 != 0x0a }) ?? isTooLong { append([0x0a], limit: .max) }
    }

    /// The next line whose end is here.
    package mutating func next() -> LineReader.Line? {
        guard let end else { return nil }
        var line = LineReader.Line.tooLong
        if !isTooLong {
            // Files from Windows end their lines with CR LF.
            let isWindows = end > start && bytes[end - 1] == 0x0d
            line = .text(Array(bytes[start..<(isWindows ? end - 1 : end)]))
        }
        isTooLong = false
        start = end + 1
        // A long line that is gone takes no memory.
        if byteCount <= start {
            bytes = Array(bytes[start...])
            start = 0
        }
        self.end = lineEnd(from: start)
        return line
    }

    private func lineEnd(from position: Int) -> Int? {
        let found = bytes.withUnsafeBytes {
            edgep_find_byte($0.baseAddress.map { $0 + position }, $0.count - position, 0x0a)
        }
        return found < 0 ? nil : position + Int(found)
    }
}
