import Foundation

/// Variable-length integers, seven bits a byte from the lowest, in a base64 text.
///
/// Reads tables that are part of this program; malformed ones are a programming error.
struct PackedIntegers {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: StaticString) {
        guard
            let data = Data(
                base64Encoded: "\(text)", options: .ignoreUnknownCharacters)
        else { preconditionFailure("the table is not base64") }
        bytes = [UInt8](data)
    }

    var isAtEnd: Bool { position == bytes.count }

    mutating func next() -> UInt32 {
        var value: UInt32 = 0
        var shift: UInt32 = 0
        while true {
            let byte = bytes[position]
            position += 1
            value |= UInt32(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// An integer whose lowest bit is the sign, in the order 0, -1, 1, -2.
    mutating func nextSigned() -> Int64 {
        let value = Int64(next())
        return value % 2 == 0 ? value / 2 : -(value + 1) / 2
    }
}
