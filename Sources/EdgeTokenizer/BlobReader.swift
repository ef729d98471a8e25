/// Reads the fields of one section of a blob, in order and never past the section's end.
///
/// Called from many places: inlined, it would be a large part of the module on a device.
struct BlobReader {
    let bytes: [UInt8]
    let section: TokenizerSection
    private(set) var offset: Int
    private let end: Int

    /// - Parameter range: lies within `bytes`.
    init(_ bytes: [UInt8], _ range: Range<Int>, section: TokenizerSection) {
        self.bytes = bytes
        self.section = section
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next `count` bytes, as a range of the blob.
    @inline(never)
    mutating func take(_ count: Int) throws(TokenizerError) -> Range<Int> {
        guard count <= end - offset else {
            throw .sectionTooShort(section: section, needed: count, available: end - offset)
        }
        defer { offset += count }
        return offset..<offset + count
    }

    @inline(never)
    mutating func uint32() throws(TokenizerError) -> UInt32 {
        Self.uint32(bytes, try take(4).lowerBound)
    }

    /// A count of things, each of which takes at least one byte of some section.
    @inline(never)
    mutating func count(maximum: Int) throws(TokenizerError) -> Int {
        let found = try uint32()
        guard found <= UInt32(maximum) else {
            throw .limitExceeded(section: section, found: found, maximum: maximum)
        }
        return Int(found)
    }

    @inline(never)
    mutating func uint32s(_ count: Int) throws(TokenizerError) -> [UInt32] {
        let range = try take(count * 4)
        var values: [UInt32] = []
        values.reserveCapacity(count)
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: 4) {
            values.append(Self.uint32(bytes, offset))
        }
        return values
    }

    /// Numbers of `width` bytes stored as planes: the lowest bytes of all numbers, then the next.
    @inline(never)
    mutating func planes(_ count: Int, width: Int) throws(TokenizerError) -> [UInt32] {
        let range = try take(count * width)
        var values = [UInt32](repeating: 0, count: count)
        for plane in 0..<width {
            let start = range.lowerBound + plane * count
            for index in 0..<count {
                values[index] |= UInt32(bytes[start + index]) << UInt32(plane * 8)
            }
        }
        return values
    }

    /// Throws if fields are left.
    @inline(never)
    func finish() throws(TokenizerError) {
        guard offset == end else {
            throw .sectionTooLong(section: section, excess: end - offset)
        }
    }

    /// The little-endian number at `offset`; four bytes are there.
    static func uint32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        UInt32(bytes[offset]) | UInt32(bytes[offset + 1]) << 8
            | UInt32(bytes[offset + 2]) << 16 | UInt32(bytes[offset + 3]) << 24
    }

    /// The little-endian number at `offset`; two bytes are there.
    static func uint16(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }
}
