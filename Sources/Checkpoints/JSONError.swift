/// Which rule of JSON a text breaks, with the byte offset where it does.
package enum JSONError: Error, Equatable, Sendable {
    case invalidUTF8(offset: Int)
    case unexpectedEnd(offset: Int)
    case unexpectedByte(UInt8, offset: Int)
    case trailingBytes(offset: Int)
    case invalidNumber(offset: Int)
    case numberOutOfRange(offset: Int)
    case controlCharacterInString(offset: Int)
    case invalidEscape(offset: Int)
    case unpairedSurrogate(offset: Int)
    /// An object has this name twice; the offset is that of the second value.
    case duplicateName(String, offset: Int)
    case nestedTooDeeply(limit: Int, offset: Int)
    /// More values than the reader was told to keep in memory.
    case tooManyValues(offset: Int)
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidUTF8(let offset):
            "invalid UTF-8 at byte \(offset)"
        case .unexpectedEnd(let offset):
            "the JSON text ends unexpectedly at byte \(offset)"
        case .unexpectedByte(let byte, let offset):
            "unexpected \(Self.name(of: byte)) at byte \(offset) of the JSON text"
        case .trailingBytes(let offset):
            "text follows the JSON value at byte \(offset)"
        case .invalidNumber(let offset):
            "malformed number at byte \(offset)"
        case .numberOutOfRange(let offset):
            "number out of range at byte \(offset)"
        case .controlCharacterInString(let offset):
            "unescaped control character in a string at byte \(offset)"
        case .invalidEscape(let offset):
            "invalid escape in a string at byte \(offset)"
        case .unpairedSurrogate(let offset):
            "unpaired surrogate in a string at byte \(offset)"
        case .duplicateName(let name, let offset):
            "the name \(name.quoted) occurs twice in an object, at byte \(offset)"
        case .nestedTooDeeply(let limit, let offset):
            "nested more than \(limit) levels deep at byte \(offset)"
        case .tooManyValues(let offset):
            "too many values; stopped at byte \(offset)"
        }
    }

    private static func name(of byte: UInt8) -> String {
        if byte > 0x20 && byte < 0x7F { return "'\(Character(Unicode.Scalar(byte)))'" }
        let digits = String(byte, radix: 16, uppercase: true)
        return "byte 0x" + (byte < 16 ? "0" : "") + digits
    }
}
