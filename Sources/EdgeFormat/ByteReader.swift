/// Reads little-endian fields of a byte range one after the other, never past its end.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    /// Where `bytes` starts in the file, for errors.
    private let base: Int
    package private(set) var position: Int

    /// Reads `bytes`, which must outlive the reader; `base` is their offset in the file.
    package init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) {
        self.bytes = bytes
        self.base = base
        position = 0
    }

    package var offset: Int { base + position }
    package var remaining: Int { bytes.count - position }

    private mutating func advance(
        _ count: Int, _ field: StaticText
    ) throws(FormatError) -> UnsafeRawPointer {
        guard count >= 0, count <= remaining, let start = bytes.baseAddress else {
            throw .truncated(field: field, offset: offset, needed: count, available: remaining)
        }
        defer { position += count }
        return start + position
    }

    package mutating func u8(_ field: StaticText) throws(FormatError) -> UInt8 {
        try advance(1, field).load(as: UInt8.self)
    }

    package mutating func u16(_ field: StaticText) throws(FormatError) -> UInt16 {
        UInt16(littleEndian: try advance(2, field).loadUnaligned(as: UInt16.self))
    }

    package mutating func u32(_ field: StaticText) throws(FormatError) -> UInt32 {
        UInt32(littleEndian: try advance(4, field).loadUnaligned(as: UInt32.self))
    }

    package mutating func u64(_ field: StaticText) throws(FormatError) -> UInt64 {
        UInt64(littleEndian: try advance(8, field).loadUnaligned(as: UInt64.self))
    }

    /// A 64-bit field that counts or addresses bytes and therefore fits `Int`.
    package mutating func size(_ field: StaticText) throws(FormatError) -> Int {
        let value = try u64(field)
        guard let size = Int(exactly: value) else {
            throw .overLimit(field: field, limit: UInt64(Int.max), found: value)
        }
        return size
    }

    /// A 32-bit field as `Int`, which may be too narrow for it.
    package mutating func number(_ field: StaticText) throws(FormatError) -> Int {
        let value = try u32(field)
        guard let number = Int(exactly: value) else {
            throw .overLimit(field: field, limit: UInt64(Int.max), found: UInt64(value))
        }
        return number
    }

    /// A 32-bit count of entries of `entryBytes` bytes or more that follow in this range.
    package mutating func count(
        _ field: StaticText, entryBytes: Int, limit: Int
    ) throws(FormatError) -> Int {
        let value = try number(field)
        guard value <= limit else {
            throw .overLimit(field: field, limit: UInt64(limit), found: UInt64(value))
        }
        guard value <= remaining / entryBytes else {
            throw .truncated(
                field: field, offset: offset, needed: value * entryBytes, available: remaining)
        }
        return value
    }

    package mutating func array(_ count: Int, _ field: StaticText) throws(FormatError) -> [UInt8] {
        let start = try advance(count, field)
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Text of `count` bytes that must be valid UTF-8.
    package mutating func text(_ count: Int, _ field: StaticText) throws(FormatError) -> [UInt8] {
        let bytes = try array(count, field)
        guard isValidUTF8(bytes) else { throw .invalidText(field: field) }
        return bytes
    }

    package mutating func zeros(_ count: Int, _ field: StaticText) throws(FormatError) {
        let start = offset
        let pointer = try advance(count, field)
        for index in 0..<count where (pointer + index).load(as: UInt8.self) != 0 {
            throw .nonZeroPadding(offset: start + index)
        }
    }

    /// A reader of the next `count` bytes, which this one skips.
    package mutating func nested(_ count: Int, _ field: StaticText) throws(FormatError)
        -> ByteReader
    {
        let base = offset
        let start = try advance(count, field)
        return ByteReader(UnsafeRawBufferPointer(start: start, count: count), base: base)
    }

    package func end(_ field: StaticText) throws(FormatError) {
        guard remaining == 0 else { throw .trailingBytes(field: field, count: remaining) }
    }
}

/// Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7).
package func isValidUTF8(_ bytes: [UInt8]) -> Bool {
    var index = 0
    while index < bytes.count {
        let first = bytes[index]
        index += 1
        if first < 0x80 { continue }
        let following: Int
        var range: ClosedRange<UInt8> = 0x80...0xbf
        switch first {
        case 0xc2...0xdf: following = 1
        case 0xe0: (following, range) = (2, 0xa0...0xbf)
        case 0xed: (following, range) = (2, 0x80...0x9f)
        case 0xe1...0xef: following = 2
        case 0xf0: (following, range) = (3, 0x90...0xbf)
        case 0xf1...0xf3: following = 3
        case 0xf4: (following, range) = (3, 0x80...0x8f)
        default: return false
        }
        guard index + following <= bytes.count, range.contains(bytes[index]) else { return false }
        for offset in 1..<max(following, 1) where bytes[index + offset] & 0xc0 != 0x80 {
            return false
        }
        index += following
    }
    return true
}
