/// Cuts text into the words within which byte-pair encoding merges.
///
/// Each rule does what the regular expression of known tokenizers does, as a state machine
/// (`formats/tokenizer.md` has the expressions).
final class WordSplitter: Sendable {
    private enum Rule: UInt8 {
        /// A piece of text is one word.
        case whole = 0
        case gpt2 = 1
        case llama3 = 2
        case qwen2 = 3
        /// A word starts at each U+2581.
        case metaspace = 4
    }

    /// How tokens become text.
    enum Decoding: UInt8 {
        /// Tokens are bytes.
        case bytes = 0
        /// Tokens are characters with U+2581 for a space, and single bytes.
        case pieces = 1
        /// The same, and the text loses a space at its start.
        case piecesWithPrefix = 2
    }

    private enum Flag {
        static let normalizationPrefix: UInt16 = 1
        static let normalizationEscape: UInt16 = 2
        static let digits: UInt16 = 4
        static let prefixSpace: UInt16 = 8
        static let escape: UInt16 = 16
        static let prefix: UInt16 = 32
        static let prefixAtStart: UInt16 = 64
        static let all: UInt16 = 127
    }

    let decoding: Decoding
    private let rule: Rule
    private let flags: UInt16
    private let classes: CharacterClasses

    init(_ reader: inout BlobReader) throws(TokenizerError) {
        let offset = try reader.take(4).lowerBound
        guard let rule = Rule(rawValue: reader.bytes[offset]) else {
            throw .unknownRule(found: reader.bytes[offset])
        }
        guard let decoding = Decoding(rawValue: reader.bytes[offset + 1]) else {
            throw .unknownDecoding(found: reader.bytes[offset + 1])
        }
        flags = BlobReader.uint16(reader.bytes, offset + 2)
        guard flags & ~Flag.all == 0 else {
            throw .unknownSectionFlags(section: .splitting, found: UInt32(flags))
        }
        self.rule = rule
        self.decoding = decoding
        classes = try CharacterClasses(&reader)
        try reader.finish()
    }

    private func has(_ flag: UInt16) -> Bool { flags & flag != 0 }

    /// Whether `normalized` changes texts.
    var normalizes: Bool { has(Flag.normalizationPrefix | Flag.normalizationEscape) }

    /// A piece of text, not empty, as it is before added tokens are sought a second time.
    func normalized(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        if has(Flag.normalizationPrefix) { Metaspace.append(to: &result) }
        Metaspace.append(text, escapes: has(Flag.normalizationEscape), to: &result)
        return result
    }

    /// Hands over the words of a piece of text in order, each as a range of a text.
    ///
    /// - Parameters:
    ///   - text: well-formed UTF-8.
    ///   - piece: starts and ends between two characters of `text`.
    ///   - isStart: whether the whole text starts with the piece.
    @inline(never)
    func forEachWord(
        in text: [UInt8], _ piece: Range<Int>, isStart: Bool, _ body: ([UInt8], Range<Int>) -> Void
    ) {
        guard has(Flag.digits) else {
            split(text, piece, isStart: isStart, body)
            return
        }
        var start = piece.lowerBound
        var position = start
        while position < piece.upperBound {
            var next = position
            if classes.isDigit(UTF8Text.next(text, &next)) {
                if start < position { split(text, start..<position, isStart: isStart, body) }
                split(text, position..<next, isStart: isStart, body)
                start = next
            }
            position = next
        }
        if start < position { split(text, start..<position, isStart: isStart, body) }
    }

    @inline(never)
    private func split(
        _ text: [UInt8], _ piece: Range<Int>, isStart: Bool, _ body: ([UInt8], Range<Int>) -> Void
    ) {
        var text = text
        var piece = piece
        if has(Flag.prefixSpace) {
            if text[piece.lowerBound] != 0x20 {
                text = [0x20] + text[piece]
                piece = 0..<text.count
            }
        } else if has(Flag.escape) {
            var escaped: [UInt8] = []
            Metaspace.append(text[piece], escapes: true, to: &escaped)
            let isPrefixed =
                has(Flag.prefix) && (isStart || !has(Flag.prefixAtStart))
                && !Metaspace.stands(in: escaped, at: 0)
            text = []
            if isPrefixed { Metaspace.append(to: &text) }
            text += escaped
            piece = 0..<text.count
        }
        var position = piece.lowerBound
        while position < piece.upperBound {
            let end = self.end(text, position, piece.upperBound)
            body(text, position..<end)
            position = end
        }
    }

    /// Where the word that starts at `start` ends; it is not empty.
    private func end(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int {
        switch rule {
        case .whole:
            return limit
        case .metaspace:
            var position = start + 1
            while position < limit && !Metaspace.stands(in: text, at: position) { position += 1 }
            return position
        case .gpt2, .llama3, .qwen2:
            break
        }
        var position = start
        let first = UTF8Text.next(text, &position)
        let kind = classes(first)
        if first == 0x27, let end = contractionEnd(text, position, limit) { return end }
        if kind == CharacterClasses.letter {
            return runEnd(text, position, limit, CharacterClasses.letter)
        }
        if position < limit {
            var next = position
            let second = classes(UTF8Text.next(text, &next))
            let joins =
                rule == .gpt2
                ? first == 0x20
                : kind != CharacterClasses.number && first != 0x0A && first != 0x0D
            if second == CharacterClasses.letter && joins {
                return runEnd(text, next, limit, second)
            }
            if first == 0x20 && second == CharacterClasses.number && rule == .gpt2 {
                return runEnd(text, next, limit, second)
            }
            if first == 0x20 && second == CharacterClasses.other {
                return symbolsEnd(text, next, limit)
            }
        }
        switch kind {
        case CharacterClasses.number: return numberEnd(text, position, limit)
        case CharacterClasses.other: return symbolsEnd(text, position, limit)
        default: return spaceEnd(text, start, limit)
        }
    }

    /// The end of the characters of a class from `start` on.
    @inline(never)
    private func runEnd(_ text: [UInt8], _ start: Int, _ limit: Int, _ kind: UInt8) -> Int {
        var position = start
        while position < limit {
            var next = position
            guard classes(UTF8Text.next(text, &next)) == kind else { break }
            position = next
        }
        return position
    }

    /// The end of a number whose first character ends at `start`.
    private func numberEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int {
        if rule == .gpt2 { return runEnd(text, start, limit, CharacterClasses.number) }
        var position = start
        var count = 1
        while position < limit && count < (rule == .llama3 ? 3 : 1) {
            var next = position
            guard classes(UTF8Text.next(text, &next)) == CharacterClasses.number else { break }
            position = next
            count += 1
        }
        return position
    }

    /// The end of characters that are neither letters, numbers nor white space, and of the line
    /// ends behind them.
    private func symbolsEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int {
        var position = runEnd(text, start, limit, CharacterClasses.other)
        if rule == .gpt2 { return position }
        while position < limit && (text[position] == 0x0A || text[position] == 0x0D) {
            position += 1
        }
        return position
    }

    /// The end of white space that starts at `start`: behind the last line end, else before the
    /// last character if a word follows.
    private func spaceEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int {
        var position = start
        var last = start
        var lineEnd: Int?
        while position < limit {
            var next = position
            let scalar = UTF8Text.next(text, &next)
            guard classes(scalar) == CharacterClasses.space else { break }
            if scalar == 0x0A || scalar == 0x0D { lineEnd = next }
            last = position
            position = next
        }
        if rule != .gpt2, let lineEnd { return lineEnd }
        return position == limit || last == start ? position : last
    }

    /// The end of `s`, `t`, `re`, `ve`, `m`, `ll` or `d` at `start`, if one of them stands there.
    private func contractionEnd(_ text: [UInt8], _ start: Int, _ limit: Int) -> Int? {
        guard start < limit else { return nil }
        var position = start
        let first = folded(UTF8Text.next(text, &position))
        switch first {
        case 0x73, 0x74, 0x6D, 0x64: return position
        case 0x72, 0x76, 0x6C:
            guard position < limit else { return nil }
            let second = folded(UInt32(text[position]))
            return second == (first == 0x6C ? 0x6C : 0x65) ? position + 1 : nil
        default: return nil
        }
    }

    /// A letter in the case of the contractions; U+017F folds to `s`.
    private func folded(_ scalar: UInt32) -> UInt32 {
        if rule == .gpt2 { return scalar }
        if scalar == 0x17F { return 0x73 }
        return scalar >= 0x41 && scalar <= 0x5A ? scalar | 0x20 : scalar
    }
}
