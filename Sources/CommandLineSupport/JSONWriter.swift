/// Builds one JSON document in memory, without line breaks.
///
/// Called from many places: inlined, it would be a twentieth of the program on a device.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    /// Whether the innermost open object or array has a member already.
    private var hasMember: [Bool] = []
    private var followsKey = false

    package init() {}

    @inline(never)
    package mutating func beginObject() { open(0x7b) }
    @inline(never)
    package mutating func endObject() { close(0x7d) }
    @inline(never)
    package mutating func beginArray() { open(0x5b) }
    @inline(never)
    package mutating func endArray() { close(0x5d) }

    @inline(never)
    package mutating func key(_ name: StaticString) {
        key(name.withUTF8Buffer { Array($0) })
    }

    /// A key of UTF-8 bytes.
    @inline(never)
    package mutating func key(_ name: [UInt8]) {
        separate()
        quote(name)
        bytes.append(0x3a)
        followsKey = true
    }

    /// A string; bytes that are not UTF-8 become U+FFFD.
    @inline(never)
    package mutating func string(_ text: [UInt8]) {
        separate()
        quote(text)
    }

    @inline(never)
    package mutating func string(_ text: String) {
        string(Array(text.utf8))
    }

    @inline(never)
    package mutating func integer(_ number: Int) {
        separate()
        bytes.append(contentsOf: "\(number)".utf8)
    }

    @inline(never)
    package mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
    }

    @inline(never)
    package mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// The shortest digits that read back to the same float; NaN and infinity are null.
    @inline(never)
    package mutating func float(_ number: Float) {
        separate()
        let text = number.isFinite ? number.description : "null"
        bytes.append(contentsOf: text.utf8)
    }

    @inline(never)
    package mutating func double(_ number: Double) {
        separate()
        let text = number.isFinite ? number.description : "null"
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        hasMember.append(false)
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        hasMember.removeLast()
    }

    private mutating func separate() {
        if followsKey {
            followsKey = false
            return
        }
        guard let last = hasMember.indices.last else { return }
        if hasMember[last] { bytes.append(0x2c) }
        hasMember[last] = true
    }

    private mutating func quote(_ text: [UInt8]) {
        let hex: [UInt8] = Array("0123456789abcdef".utf8)
        bytes.append(0x22)
        for byte in String(decoding: text, as: UTF8.self).utf8 {
            switch byte {
            case 0x22, 0x5c: bytes += [0x5c, byte]
            case 0x0a: bytes += [0x5c, 0x6e]
            case 0x0d: bytes += [0x5c, 0x72]
            case 0x09: bytes += [0x5c, 0x74]
            case 0..<0x20, 0x7f:
                bytes += [0x5c, 0x75, 0x30, 0x30, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(0x22)
    }
}
