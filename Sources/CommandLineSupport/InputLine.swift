/// Why a line of input cannot be used.
package enum InputLineError: Error, Equatable {
    case notJSON(offset: Int)
    case notAnObject
    case tooDeep
    case wrongType(member: StaticString)
    case loneSurrogate(offset: Int)

    package static func == (a: InputLineError, b: InputLineError) -> Bool {
        a.message.utf8.elementsEqual(b.message.utf8)
    }

    package var message: String {
        switch self {
        case .notJSON(let offset): "the line is not valid JSON at byte \(offset)"
        case .notAnObject: "the line is not a JSON object"
        case .tooDeep: "the line nests more than \(InputLine.maximumDepth) levels"
        case .wrongType(let member):
            "member '\(member.withUTF8Buffer { String(decoding: $0, as: UTF8.self) })' has the "
                + "wrong type"
        case .loneSurrogate(let offset): "half of a surrogate pair at byte \(offset)"
        }
    }
}

/// One line of a `.jsonl` input: `{"text": "...", "text_pair": "...", "ids": [..], ...}`; members
/// with other names are skipped.
package struct InputLine: Equatable {
    static let maximumDepth = 32

    /// The text, UTF-8.
    package var text: [UInt8]?
    package var textPair: [UInt8]?
    package var ids: [Int32]?
    package var typeIDs: [Int32]?
    package var label: [UInt8]?

    package init() {}

    package init(parsing line: [UInt8]) throws(InputLineError) {
        var reader = JSONLineReader(line)
        try reader.readObject(into: &self)
    }
}

/// Reads one JSON object (RFC 8259).
private struct JSONLineReader {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func readObject(into line: inout InputLine) throws(InputLineError) {
        skipSpace()
        guard peek() == 0x7b else {
            if position == bytes.count { throw .notJSON(offset: position) }
            throw .notAnObject
        }
        position += 1
        skipSpace()
        if peek() == 0x7d {
            position += 1
        } else {
            while true {
                skipSpace()
                let key = try string()
                skipSpace()
                try expect(0x3a)
                skipSpace()
                try member(key, into: &line)
                skipSpace()
                if peek() == 0x2c {
                    position += 1
                    continue
                }
                try expect(0x7d)
                break
            }
        }
        skipSpace()
        guard position == bytes.count else { throw .notJSON(offset: position) }
    }

    private mutating func member(
        _ key: [UInt8], into line: inout InputLine
    ) throws(InputLineError) {
        if peek() == 0x6e {
            try skipValue()
        } else if isSame(key, "text") {
            line.text = try string(of: "text")
        } else if isSame(key, "text_pair") {
            line.textPair = try string(of: "text_pair")
        } else if isSame(key, "label") {
            line.label = try string(of: "label")
        } else if isSame(key, "ids") {
            line.ids = try integers(of: "ids")
        } else if isSame(key, "type_ids") {
            line.typeIDs = try integers(of: "type_ids")
        } else {
            try skipValue()
        }
    }

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
            position += 1
        }
    }

    private mutating func expect(_ byte: UInt8) throws(InputLineError) {
        guard peek() == byte else { throw .notJSON(offset: position) }
        position += 1
    }

    private mutating func string(of member: StaticString) throws(InputLineError) -> [UInt8] {
        guard peek() == 0x22 else { throw .wrongType(member: member) }
        return try string()
    }

    private mutating func string() throws(InputLineError) -> [UInt8] {
        try expect(0x22)
        var text: [UInt8] = []
        while let byte = peek() {
            position += 1
            switch byte {
            case 0x22: return text
            case 0..<0x20: throw .notJSON(offset: position - 1)
            case 0x5c: try escape(into: &text)
            default: text.append(byte)
            }
        }
        throw .notJSON(offset: position)
    }

    private mutating func escape(into text: inout [UInt8]) throws(InputLineError) {
        let start = position - 1
        guard let byte = peek() else { throw .notJSON(offset: position) }
        position += 1
        switch byte {
        case 0x22, 0x5c, 0x2f: text.append(byte)
        case 0x62: text.append(0x08)
        case 0x66: text.append(0x0c)
        case 0x6e: text.append(0x0a)
        case 0x72: text.append(0x0d)
        case 0x74: text.append(0x09)
        case 0x75:
            var scalar = try hexadecimal()
            if scalar >= 0xd800, scalar < 0xdc00 {
                guard peek() == 0x5c, position + 1 < bytes.count, bytes[position + 1] == 0x75 else {
                    throw .loneSurrogate(offset: start)
                }
                position += 2
                let low = try hexadecimal()
                guard low >= 0xdc00, low < 0xe000 else { throw .loneSurrogate(offset: start) }
                scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let valid = Unicode.Scalar(scalar) else { throw .loneSurrogate(offset: start) }
            text.append(contentsOf: UTF8.encode(valid).map { Array($0) } ?? [])
        default: throw .notJSON(offset: position - 1)
        }
    }

    private mutating func hexadecimal() throws(InputLineError) -> UInt32 {
        var number: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek() else { throw .notJSON(offset: position) }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw .notJSON(offset: position)
            }
            number = number << 4 | UInt32(digit)
            position += 1
        }
        return number
    }

    private mutating func integers(of member: StaticString) throws(InputLineError) -> [Int32] {
        guard peek() == 0x5b else { throw .wrongType(member: member) }
        position += 1
        var numbers: [Int32] = []
        skipSpace()
        if peek() == 0x5d {
            position += 1
            return numbers
        }
        while true {
            skipSpace()
            let start = position
            while let byte = peek(), byte == 0x2d || (byte >= 0x30 && byte <= 0x39) {
                position += 1
            }
            let digits = bytes[start..<position].drop { $0 == 0x2d }
            // A number of JSON has no zeros in front (RFC 8259, §6).
            guard digits.count == 1 || digits.first != 0x30,
                let number = parseInteger(Array(bytes[start..<position])),
                let narrow = Int32(exactly: number)
            else {
                throw .wrongType(member: member)
            }
            numbers.append(narrow)
            skipSpace()
            if peek() == 0x2c {
                position += 1
                continue
            }
            guard peek() == 0x5d else { throw .wrongType(member: member) }
            position += 1
            return numbers
        }
    }

    /// Skips any value, checking its syntax.
    private mutating func skipValue() throws(InputLineError) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= InputLine.maximumDepth else { throw .tooDeep }
        skipSpace()
        switch peek() {
        case 0x22: _ = try string()
        case 0x7b: try skipMembers(until: 0x7d, areNamed: true)
        case 0x5b: try skipMembers(until: 0x5d, areNamed: false)
        case 0x74: try skipWord("true")
        case 0x66: try skipWord("false")
        case 0x6e: try skipWord("null")
        default: try skipNumber()
        }
    }

    private mutating func skipMembers(
        until end: UInt8, areNamed: Bool
    ) throws(InputLineError) {
        position += 1
        skipSpace()
        if peek() == end {
            position += 1
            return
        }
        while true {
            skipSpace()
            if areNamed {
                _ = try string()
                skipSpace()
                try expect(0x3a)
            }
            try skipValue()
            skipSpace()
            if peek() == 0x2c {
                position += 1
                continue
            }
            return try expect(end)
        }
    }

    private mutating func skipWord(_ word: StaticString) throws(InputLineError) {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count,
            isSame(Array(bytes[position..<position + count]), word)
        else {
            throw .notJSON(offset: position)
        }
        position += count
    }

    private mutating func skipNumber() throws(InputLineError) {
        func digits(_ reader: inout JSONLineReader) throws(InputLineError) {
            let start = reader.position
            while let byte = reader.peek(), byte >= 0x30, byte <= 0x39 { reader.position += 1 }
            guard reader.position > start else { throw .notJSON(offset: start) }
        }
        if peek() == 0x2d { position += 1 }
        if peek() == 0x30 {
            position += 1
        } else {
            try digits(&self)
        }
        if peek() == 0x2e {
            position += 1
            try digits(&self)
        }
        if peek() == 0x65 || peek() == 0x45 {
            position += 1
            if peek() == 0x2b || peek() == 0x2d { position += 1 }
            try digits(&self)
        }
    }
}
