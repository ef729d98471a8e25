/// Appends little-endian fields to an array of bytes.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func u8(_ value: UInt8) {
        bytes.append(value)
    }

    package mutating func u16(_ value: UInt16) {
        append(UInt64(value), byteCount: 2)
    }

    package mutating func u32(_ value: UInt32) {
        append(UInt64(value), byteCount: 4)
    }

    package mutating func u64(_ value: UInt64) {
        append(value, byteCount: 8)
    }

    package mutating func append(_ other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    package mutating func zeros(_ count: Int) {
        bytes.append(contentsOf: repeatElement(0, count: count))
    }

    /// Appends zeros up to a multiple of `alignment`.
    package mutating func pad(to alignment: Int) {
        zeros((alignment - bytes.count % alignment) % alignment)
    }

    private mutating func append(_ value: UInt64, byteCount: Int) {
        for index in 0..<byteCount {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }
}
