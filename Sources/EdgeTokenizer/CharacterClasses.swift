/// What the splitting rules tell apart: letters, numbers, white space and everything else.
struct CharacterClasses {
    static let other: UInt8 = 0
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    static let space: UInt8 = 3

    private static let classMask: UInt8 = 3
    /// A character that is cut off where digits stand alone.
    private static let digit: UInt8 = 4

    /// Of each range the first code point in bits 0...20 and the class in bits 24...26.
    private let ranges: [UInt32]
    /// The classes of U+0000...U+007F.
    private var ascii: [UInt8] = []

    init(_ reader: inout BlobReader) throws(TokenizerError) {
        let count = try reader.count(maximum: TokenizerLayout.maximumRangeCount)
        ranges = try reader.uint32s(count)
        for (index, range) in ranges.enumerated() {
            let first = range & 0x1F_FFFF
            let isInOrder =
                index == 0 ? first == 0 : first > ranges[index - 1] & 0x1F_FFFF && first < 0x11_0000
            guard isInOrder, range & 0xF8E0_0000 == 0 else {
                throw .invalidClass(index: index, found: range)
            }
        }
        guard count > 0 else { throw .invalidClass(index: 0, found: 0) }
        for scalar in 0..<UInt32(128) { ascii.append(search(scalar)) }
    }

    private func search(_ scalar: UInt32) -> UInt8 {
        var low = 0
        var high = ranges.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if ranges[middle] & 0x1F_FFFF <= scalar { low = middle } else { high = middle }
        }
        return UInt8(truncatingIfNeeded: ranges[low] >> 24)
    }

    private func bits(_ scalar: UInt32) -> UInt8 {
        scalar < 128 ? ascii[Int(scalar)] : search(scalar)
    }

    func callAsFunction(_ scalar: UInt32) -> UInt8 { bits(scalar) & Self.classMask }

    func isDigit(_ scalar: UInt32) -> Bool { bits(scalar) & Self.digit != 0 }
}
