import EdgeRuntime

/// The names of the classes as C has texts: each ended by a zero byte.
final class LabelTexts {
    private let buffer: AlignedBuffer
    private let offsets: [Int]

    /// A class without a name has its number.
    init(_ labels: [[UInt8]], count: Int) throws(RuntimeError) {
        var text: [UInt8] = []
        var offsets: [Int] = []
        for index in 0..<count {
            offsets.append(text.count)
            text += index < labels.count ? labels[index] : Array("\(index)".utf8)
            text.append(0)
        }
        self.offsets = offsets
        buffer = try AlignedBuffer(byteCount: text.count)
        UnsafeMutableRawBufferPointer(start: buffer.start, count: text.count).copyBytes(from: text)
    }

    subscript(index: Int) -> UnsafePointer<CChar>? {
        guard offsets.indices.contains(index) else { return nil }
        return UnsafePointer(
            (buffer.start + offsets[index]).assumingMemoryBound(to: CChar.self))
    }
}
