/// Reads JSON text (RFC 8259) from front to back, strictly and with bounded nesting.
struct JSONReader {
    private let bytes: UnsafeRawBufferPointer
    private let depthLimit: Int
    private var depth = 0
    /// The offset of the next byte.
    private(set) var offset = 0

    /// - Parameter bytes: Must outlive the reader.
    /// - Throws: `JSONError.invalidUTF8`
    init(_ bytes: UnsafeRawBufferPointer, depthLimit: Int) throws(JSONError) {
        self.bytes = bytes
        self.depthLimit = depthLimit
        do {
            _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
        } catch {
            throw .invalidUTF8(offset: error.byteOffsets.lowerBound)
        }
    }

    /// The next byte that is not white space; it is not consumed.
    mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        guard offset < bytes.count else { throw .unexpectedEnd(offset: offset) }
        return bytes[offset]
    }

    /// Requires that only white space is left.
    mutating func finish() throws(JSONError) {
        skipSpace()
        if offset < bytes.count { throw .trailingBytes(offset: offset) }
    }

    mutating func enterObject() throws(JSONError) {
        try enter(UInt8(ascii: "{"))
    }

    /// The name of the next member, with the colon consumed; nil at the end of the object, which is
    /// consumed too.
    mutating func nextName(isFirst: Bool) throws(JSONError) -> String? {
        guard try advance(to: UInt8(ascii: "}"), isFirst: isFirst) else { return nil }
        let name = try readString()
        try consume(UInt8(ascii: ":"))
        return name
    }

    mutating func enterArray() throws(JSONError) {
        try enter(UInt8(ascii: "["))
    }

    /// Whether another element follows; at the end of the array consumes it.
    mutating func nextElement(isFirst: Bool) throws(JSONError) -> Bool {
        try advance(to: UInt8(ascii: "]"), isFirst: isFirst)
    }

    /// Reads `true`, `false` or `null`.
    mutating func readLiteral(_ text: StaticString) throws(JSONError) {
        skipSpace()
        for index in 0..<text.utf8CodeUnitCount {
            try consumeExactly(text.utf8Start[index])
        }
    }

    mutating func readString() throws(JSONError) -> String {
        try consume(UInt8(ascii: "\""))
        let start = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                defer { offset += 1 }
                return String(decoding: bytes[start..<offset], as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\") { return try readEscapedString(from: start) }
            if byte < 0x20 { throw .controlCharacterInString(offset: offset) }
            offset += 1
        }
        throw .unexpectedEnd(offset: offset)
    }

    /// Reads a number and returns its text, which follows the grammar, and whether it is written
    /// without fraction and exponent.
    mutating func readNumber() throws(JSONError) -> (text: String, isInteger: Bool) {
        skipSpace()
        let start = offset
        var isInteger = true
        if current == UInt8(ascii: "-") { offset += 1 }
        if current == UInt8(ascii: "0") {
            offset += 1
        } else {
            try consumeDigits(ofNumberAt: start)
        }
        if current == UInt8(ascii: ".") {
            isInteger = false
            offset += 1
            try consumeDigits(ofNumberAt: start)
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            isInteger = false
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            try consumeDigits(ofNumberAt: start)
        }
        if let next = current, isDigit(next) { throw .invalidNumber(offset: start) }
        return (String(decoding: bytes[start..<offset], as: UTF8.self), isInteger)
    }

    // MARK: - Parts

    private var current: UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            offset += 1
        }
    }

    private mutating func consume(_ byte: UInt8) throws(JSONError) {
        skipSpace()
        try consumeExactly(byte)
    }

    private mutating func consumeExactly(_ byte: UInt8) throws(JSONError) {
        guard let found = current else { throw .unexpectedEnd(offset: offset) }
        guard found == byte else { throw .unexpectedByte(found, offset: offset) }
        offset += 1
    }

    private mutating func enter(_ opening: UInt8) throws(JSONError) {
        try consume(opening)
        depth += 1
        if depth > depthLimit { throw .nestedTooDeeply(limit: depthLimit, offset: offset - 1) }
    }

    private mutating func advance(to closing: UInt8, isFirst: Bool) throws(JSONError) -> Bool {
        if try peek() == closing {
            offset += 1
            depth -= 1
            return false
        }
        if !isFirst { try consumeExactly(UInt8(ascii: ",")) }
        return true
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private mutating func consumeDigits(ofNumberAt start: Int) throws(JSONError) {
        guard let first = current else { throw .unexpectedEnd(offset: offset) }
        guard isDigit(first) else {
            if offset == start { throw .unexpectedByte(first, offset: offset) }
            throw .invalidNumber(offset: start)
        }
        while let byte = current, isDigit(byte) { offset += 1 }
    }

    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var content = [UInt8](bytes[start..<offset])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                content.append(contentsOf: try readEscape())
            case 0..<0x20:
                throw .controlCharacterInString(offset: offset)
            default:
                content.append(byte)
                offset += 1
            }
        }
        throw .unexpectedEnd(offset: offset)
    }

    private mutating func readEscape() throws(JSONError) -> [UInt8] {
        let start = offset
        offset += 1
        guard let letter = current else { throw .unexpectedEnd(offset: offset) }
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): break
        default: throw .invalidEscape(offset: start)
        }
        var code = try readHexadecimal(ofEscapeAt: start)
        if code & 0xF800 == 0xD800 {
            guard code < 0xDC00, current == UInt8(ascii: "\\") else {
                throw .unpairedSurrogate(offset: start)
            }
            offset += 1
            guard current == UInt8(ascii: "u") else { throw .unpairedSurrogate(offset: start) }
            offset += 1
            let low = try readHexadecimal(ofEscapeAt: offset - 2)
            guard low & 0xFC00 == 0xDC00 else { throw .unpairedSurrogate(offset: start) }
            code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(code) else { throw .unpairedSurrogate(offset: start) }
        return Array(String(scalar).utf8)
    }

    private mutating func readHexadecimal(ofEscapeAt start: Int) throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current else { throw .unexpectedEnd(offset: offset) }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .invalidEscape(offset: start)
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }
}
