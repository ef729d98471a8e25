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
    case duplicateName(String, offset: Int)
    case nestedTooDeeply(limit: Int, offset: Int)
}
