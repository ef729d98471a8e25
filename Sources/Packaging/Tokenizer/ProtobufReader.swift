/// Reads the fields of a message of Protocol Buffers from front to back.
///
/// Groups, which no current writer makes, are refused; nothing is copied but what is asked for.
struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case fixed32(UInt32)
        case fixed64
        /// A text or a message.
        case bytes(Range<Int>)
    }

    struct Field {
        let number: UInt64
        let value: Value
        /// Where the field starts.
        let offset: Int
    }

    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end.
    mutating func next() throws(TokenizerSourceError) -> Field? {
        if position == end { return nil }
        let start = position
        let tag = try integer(start)
        let value: Value
        switch tag & 7 {
        case 0: value = .integer(try integer(start))
        case 1:
            _ = try take(8, start)
            value = .fixed64
        case 2:
            let count = try integer(start)
            guard count <= UInt64(end - position) else { throw .invalidMessage(offset: start) }
            value = .bytes(try take(Int(count), start))
        case 5:
            let range = try take(4, start)
            var number: UInt32 = 0
            for place in 0..<4 {
                number |= UInt32(bytes[range.lowerBound + place]) << UInt32(8 * place)
            }
            value = .fixed32(number)
        default: throw .invalidMessage(offset: start)
        }
        guard tag >> 3 > 0 else { throw .invalidMessage(offset: start) }
        return Field(number: tag >> 3, value: value, offset: start)
    }

    private mutating func take(
        _ count: Int, _ start: Int
    ) throws(TokenizerSourceError) -> Range<Int> {
        guard count <= end - position else { throw .invalidMessage(offset: start) }
        defer { position += count }
        return position..<position + count
    }

    /// Seven bits a byte, the lowest first.
    private mutating func integer(_ start: Int) throws(TokenizerSourceError) -> UInt64 {
        var number: UInt64 = 0
        for place in 0..<10 {
            let byte = bytes[try take(1, start).lowerBound]
            if place == 9 && byte > 1 { break }
            number |= UInt64(byte & 0x7F) << UInt64(7 * place)
            if byte < 0x80 { return number }
        }
        throw .invalidMessage(offset: start)
    }
}

extension ProtobufReader.Field {
    func integer() throws(TokenizerSourceError) -> UInt64 {
        guard case .integer(let integer) = value else { throw .invalidMessage(offset: offset) }
        return integer
    }

    func range() throws(TokenizerSourceError) -> Range<Int> {
        guard case .bytes(let range) = value else { throw .invalidMessage(offset: offset) }
        return range
    }

    func float() throws(TokenizerSourceError) -> Float {
        guard case .fixed32(let bits) = value else { throw .invalidMessage(offset: offset) }
        return Float(bitPattern: bits)
    }
}
