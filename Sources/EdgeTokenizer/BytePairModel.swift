/// Byte-pair encoding: the smallest tokens of a word merge pair by pair
/// (Sennrich, Haddow and Birch, 2016, arXiv:1508.07909).
struct BytePairModel {
    private enum Flag {
        static let wholeWords: UInt32 = 1
        static let fusesUnknown: UInt32 = 2
        static let bytes: UInt32 = 4
        static let all: UInt32 = 7
    }

    private let tokens: SortedTokens
    private let merges: MergeTable
    private let flags: UInt32
    private let unknownID: UInt32
    /// Whether the smallest tokens are bytes, else characters.
    private let startsFromBytes: Bool
    /// By byte the token that stands for it.
    private var byteIDs: [UInt32] = []
    private static let none = TokenizerLayout.noToken

    /// - Parameter isToken: whether there is a token with this id.
    init(
        _ reader: inout BlobReader, tokens: SortedTokens, startsFromBytes: Bool,
        vocabularySize: Int, isToken: (UInt32) -> Bool
    ) throws(TokenizerError) {
        self.tokens = tokens
        self.startsFromBytes = startsFromBytes
        flags = try reader.uint32()
        guard flags & ~Flag.all == 0 else {
            throw .unknownSectionFlags(section: .merges, found: flags)
        }
        unknownID = try reader.uint32()
        if unknownID != Self.none && !isToken(unknownID) { throw .missingID(id: unknownID) }
        let count = try reader.count(maximum: TokenizerLayout.maximumMergeCount)
        merges = try MergeTable(&reader, count: count, vocabularySize: vocabularySize)
        try reader.finish()
        try merges.check(isToken)
        for byte in 0..<UInt8(255) { byteIDs.append(byteID(byte)) }
        byteIDs.append(byteID(255))
        if flags & Flag.bytes != 0 {
            for (byte, id) in byteIDs.enumerated() where id == Self.none {
                throw .missingByte(UInt8(byte))
            }
        }
    }

    /// The token of a byte: the byte itself, or its two hexadecimal digits as `<0xNN>`.
    private func byteID(_ byte: UInt8) -> UInt32 {
        startsFromBytes ? id([byte], 0..<1) : id(ByteToken.text(byte), 0..<6)
    }

    @inline(never)
    private func id(_ text: [UInt8], _ range: Range<Int>) -> UInt32 {
        tokens.rank(of: text, range).map { tokens.ids[$0] } ?? Self.none
    }

    /// Appends the tokens of a word.
    ///
    /// - Parameters:
    ///   - text: UTF-8; the word starts and ends between two characters.
    ///   - symbols: empty, and so again afterwards.
    @inline(never)
    func append(
        _ text: [UInt8], _ word: Range<Int>, _ symbols: inout SymbolList, to ids: inout [Int32]
    ) {
        if flags & Flag.wholeWords != 0 {
            let id = id(text, word)
            if id != Self.none {
                ids.append(Int32(id))
                return
            }
        }
        var position = word.lowerBound
        while position < word.upperBound {
            appendCharacter(text, &position, to: &symbols)
        }
        symbols.finish(merges, to: &ids)
    }

    /// Appends the token or the tokens of the character at `position`, and moves behind it.
    @inline(never)
    func appendCharacter(_ text: [UInt8], _ position: inout Int, to symbols: inout SymbolList) {
        let start = position
        if startsFromBytes {
            position += 1
            append(byteIDs[Int(text[start])], to: &symbols)
            return
        }
        _ = UTF8Text.next(text, &position)
        let id = id(text, start..<position)
        if id == Self.none && flags & Flag.bytes != 0 {
            for byte in text[start..<position] { symbols.append(byteIDs[Int(byte)]) }
        } else {
            append(id, to: &symbols)
        }
    }

    /// Appends a token, or what stands for none.
    private func append(_ id: UInt32, to symbols: inout SymbolList) {
        if id != Self.none {
            symbols.append(id)
        } else if unknownID != Self.none {
            if flags & Flag.fusesUnknown != 0 && symbols.last == unknownID { return }
            symbols.append(unknownID)
        }
    }

    /// Appends the tokens of symbols that were put together one by one.
    func finish(_ symbols: inout SymbolList, to ids: inout [Int32]) {
        symbols.finish(merges, to: &ids)
    }
}

/// The tokens `<0x00>`…`<0xFF>`, which stand for bytes.
enum ByteToken {
    static func text(_ byte: UInt8) -> [UInt8] {
        [0x3C, 0x30, 0x78, digit(byte >> 4), digit(byte & 15), 0x3E]
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    /// The byte of a token that stands for one.
    static func byte(_ text: ArraySlice<UInt8>) -> UInt8? {
        let start = text.startIndex
        guard text.count == 6, text[start] == 0x3C, text[start + 1] == 0x30,
            text[start + 2] == 0x78, text[start + 5] == 0x3E, let high = value(text[start + 3]),
            let low = value(text[start + 4])
        else { return nil }
        return high << 4 | low
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}
