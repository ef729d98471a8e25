/// What SentencePiece does to a text before it is cut into tokens and to tokens that become text.
///
/// Kudo and Richardson, 2018, arXiv:1808.06226, and its library.
final class SentencePieceText: Sendable {
    private enum Flag {
        static let prefix: UInt32 = 1
        static let removesExtraSpaces: UInt32 = 2
        static let all: UInt32 = 3
    }

    /// Tokens that never show in text, in ascending order.
    let controlIDs: [UInt32]
    /// What the token for unknown characters becomes.
    let unknownText: [UInt8]
    private let flags: UInt32
    private let map: CharacterMap

    init(_ reader: inout BlobReader, vocabularySize: Int) throws(TokenizerError) {
        flags = try reader.uint32()
        guard flags & ~Flag.all == 0 else {
            throw .unknownSectionFlags(section: .sentencePiece, found: flags)
        }
        let count = try reader.count(maximum: vocabularySize)
        controlIDs = try reader.uint32s(count)
        for (index, id) in controlIDs.enumerated() {
            guard id < UInt32(vocabularySize) else {
                throw .tokenOutOfRange(
                    section: .sentencePiece, id: id, vocabularySize: vocabularySize)
            }
            if index > 0 && controlIDs[index - 1] >= id {
                throw .duplicateID(section: .sentencePiece, id: id)
            }
        }
        let size = try reader.count(maximum: TokenizerLayout.maximumPrefixByteCount)
        unknownText = [UInt8](reader.bytes[try reader.take(size)])
        guard UTF8Text.firstError(unknownText) == nil else { throw .invalidUnknownText }
        map = try CharacterMap(&reader)
        try reader.finish()
    }

    var removesExtraSpaces: Bool { flags & Flag.removesExtraSpaces != 0 }
    /// Whether a text of tokens loses U+2581 at its start.
    var losesPrefix: Bool { flags != 0 }

    /// The text in the form in which tokens are sought; well-formed UTF-8.
    ///
    /// - Parameters:
    ///   - text: any bytes; each that is not part of a character reads as U+FFFD.
    ///   - symbols: tokens that stay as they are.
    @inline(never)
    func normalized(_ text: [UInt8], keeping symbols: AddedTokens) -> [UInt8] {
        var result: [UInt8] = []
        var position = 0
        // Spaces at the start, which may be what other characters become.
        while removesExtraSpaces && position < text.count {
            var next = position
            guard isSpace(text, &next, symbols) else { break }
            position = next
        }
        if position == text.count { return [] }
        if flags & Flag.prefix != 0 { Metaspace.append(to: &result) }
        var isAfterSpace = removesExtraSpaces
        while position < text.count {
            append(text, &position, symbols, &isAfterSpace, to: &result)
        }
        while removesExtraSpaces && result.count >= 3
            && Metaspace.stands(in: result, at: result.count - 3)
        {
            result.removeLast(3)
        }
        return result
    }

    /// What stands at a place of a text, once characters are replaced.
    private enum Part {
        case text(Range<Int>)
        case replacement(Range<Int>)
        case illFormed
    }

    /// What stands at `position`, which moves behind it.
    @inline(never)
    private func next(
        _ text: [UInt8], _ position: inout Int, _ symbols: AddedTokens
    ) -> Part {
        let start = position
        if let match = symbols.longestMatch(text, from: start, to: text.count) {
            position = match.end
            return .text(start..<match.end)
        }
        if let match = map.longestMatch(text, from: start) {
            position = match.end
            return .replacement(match.replacement)
        }
        if let end = UTF8Text.characterEnd(text, start) {
            position = end
            return .text(start..<end)
        }
        position += 1
        return .illFormed
    }

    private func slice(_ text: [UInt8], _ part: Part) -> ArraySlice<UInt8> {
        switch part {
        case .text(let range): text[range]
        case .replacement(let range): map[range]
        case .illFormed: [0xEF, 0xBF, 0xBD]
        }
    }

    /// Whether exactly a space stands at `position`, which moves behind what stands there.
    private func isSpace(
        _ text: [UInt8], _ position: inout Int, _ symbols: AddedTokens
    ) -> Bool {
        let part = slice(text, next(text, &position, symbols))
        return part.count == 1 && part.first == 0x20
    }

    private func append(
        _ text: [UInt8], _ position: inout Int, _ symbols: AddedTokens,
        _ isAfterSpace: inout Bool, to result: inout [UInt8]
    ) {
        var part = slice(text, next(text, &position, symbols))
        while isAfterSpace && part.first == 0x20 { part.removeFirst() }
        if let last = part.last {
            Metaspace.append(part, escapes: true, to: &result)
            isAfterSpace = removesExtraSpaces && last == 0x20
        }
    }
}
