/// A strict JSON parser that names the byte at which a text goes wrong.
struct OrderedJSONParser {
    private let file: TokenizerFile
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    private static let maximumDepth = 64

    private init(_ bytes: [UInt8], file: TokenizerFile) {
        self.bytes = bytes
        self.file = file
    }

    static func parse(
        _ bytes: [UInt8], file: TokenizerFile
    ) throws(TokenizerSourceError) -> OrderedJSON {
        guard file.isValidUTF8(bytes) else { throw .invalidUTF8(file: file) }
        var parser = OrderedJSONParser(bytes, file: file)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.failure("text after the end") }
        return value
    }

    private func failure(_ reason: StaticString) -> TokenizerSourceError {
        .invalidJSON(file: file, offset: position, reason: "\(reason)")
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard current == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() throws(TokenizerSourceError) -> OrderedJSON {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return .object(try members())
        case UInt8(ascii: "["): return .array(try elements())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case .some: return .number(try number())
        case nil: throw failure("the text ends early")
        }
    }

    private mutating func literal(
        _ text: StaticString, _ value: OrderedJSON
    ) throws(TokenizerSourceError) -> OrderedJSON {
        let expected = Array("\(text)".utf8)
        guard bytes[position...].starts(with: expected) else { throw failure("unknown word") }
        position += expected.count
        return value
    }

    private mutating func enter() throws(TokenizerSourceError) {
        position += 1
        depth += 1
        guard depth <= Self.maximumDepth else { throw failure("nested deeper than 64 levels") }
    }

    private mutating func elements() throws(TokenizerSourceError) -> [OrderedJSON] {
        try enter()
        defer { depth -= 1 }
        var elements: [OrderedJSON] = []
        if skip(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try value())
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw failure("expected , or ]") }
        return elements
    }

    private mutating func members() throws(TokenizerSourceError) -> [OrderedJSON.Member] {
        try enter()
        defer { depth -= 1 }
        var members: [OrderedJSON.Member] = []
        if skip(UInt8(ascii: "}")) { return members }
        var keys: Set<[UInt8]> = []
        repeat {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("expected a key") }
            let key = try string()
            guard keys.insert(key).inserted else {
                throw .duplicateKey(file: file, key: String(decoding: key, as: UTF8.self))
            }
            guard skip(UInt8(ascii: ":")) else { throw failure("expected :") }
            members.append(OrderedJSON.Member(key: key, value: try value()))
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw failure("expected , or }") }
        return members
    }

    private mutating func number() throws(TokenizerSourceError) -> [UInt8] {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        let first = position
        guard skipDigits() > 0 else { throw failure("expected a value") }
        guard bytes[first] != UInt8(ascii: "0") || position == first + 1 else {
            throw failure("a number starts with 0")
        }
        if current == UInt8(ascii: ".") {
            position += 1
            guard skipDigits() > 0 else { throw failure("expected a digit") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard skipDigits() > 0 else { throw failure("expected a digit") }
        }
        return [UInt8](bytes[start..<position])
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(TokenizerSourceError) -> [UInt8] {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return text
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw failure("control character in a string")
            default: text.append(byte)
            }
        }
        throw failure("the text ends within a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(TokenizerSourceError) {
        guard let byte = current else { throw failure("the text ends within a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try codeUnit()
            if (0xD800...0xDBFF).contains(code), current == UInt8(ascii: "\\"),
                position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try codeUnit()
                guard (0xDC00...0xDFFF).contains(low) else { throw failure("half a surrogate") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate") }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw failure("unknown escape")
        }
    }

    private mutating func codeUnit() throws(TokenizerSourceError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw failure("the text ends within a string") }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            switch byte {
            case 0x30...0x39: code = code << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: code = code << 4 | UInt32(byte - 0x37)
            case 0x61...0x66: code = code << 4 | UInt32(byte - 0x57)
            default: throw failure("expected four hexadecimal digits")
            }
        }
        position += 4
        return code
    }
}
