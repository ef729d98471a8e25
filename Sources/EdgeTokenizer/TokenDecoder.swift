/// Token ids to text, one after the other.
///
/// What `append` and `finish` give, put together, is the text that Hugging Face's `decode` (for
/// kind 3 of the format, sentencepiece's) gives for all ids at once; each time it is whole
/// characters.
///
/// Bytes wait until they make up a character. Where Hugging Face falls back to bytes, it replaces
/// all of neighbouring ones if they are not UTF-8 together, so they wait for the token behind them.
package struct TokenDecoder {
    private enum Style {
        case bytes
        case pieces
        case sentencePiece(SentencePieceText)
    }

    private let tokenizer: Tokenizer
    private let style: Style
    /// By id, a bit of each byte: tokens that leave nothing.
    private var skipped: [UInt8]
    /// Bytes that are not text yet.
    private var pending: [UInt8] = []
    /// Whether a space or U+2581 at the start of the text is left out.
    private var stripsStart: Bool

    /// - Parameters:
    ///   - tokenizer: with byte-pair encoding; the tokens of WordPiece do not say what they were.
    ///   - skipsSpecialTokens: whether the special ones of the added tokens leave nothing. Control
    ///     tokens of SentencePiece never do.
    package init?(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool) {
        let ids: [UInt32]
        switch tokenizer.model {
        case .wordPiece:
            return nil
        case .bytePair(_, let splitter, _, let later):
            style = splitter.decoding == .bytes ? .bytes : .pieces
            stripsStart = splitter.decoding == .piecesWithPrefix
            ids = skipsSpecialTokens ? tokenizer.added.specialIDs + later.specialIDs : []
        case .sentencePiece(_, let rules):
            style = .sentencePiece(rules)
            stripsStart = rules.losesPrefix
            ids = rules.controlIDs
        }
        self.tokenizer = tokenizer
        skipped = [UInt8](repeating: 0, count: (tokenizer.vocabularySize + 7) / 8)
        for id in ids { skipped[Int(id / 8)] |= 1 << UInt8(id % 8) }
    }

    /// The text that the next token completes; an id without a token leaves nothing.
    package mutating func append(_ id: Int32) -> [UInt8] {
        guard let token = tokenizer.tokenBytes(id) else { return [] }
        let isSkipped = skipped[Int(id / 8)] & 1 << UInt8(id % 8) != 0
        switch style {
        case .bytes:
            if isSkipped { return [] }
            let bytes = tokenizer.isOfModel(id) ? nil : ByteMap.bytes(of: token)
            pending.append(contentsOf: bytes ?? [UInt8](token))
            let whole = UTF8Text.incompleteStart(pending)
            let text = UTF8Text.repaired([UInt8](pending[..<whole]))
            pending.removeFirst(whole)
            return text
        case .pieces:
            if isSkipped { return [] }
            if let byte = ByteToken.byte(token) {
                pending.append(byte)
                return []
            }
            return flush() + withoutStart(Self.unescaped(token))
        case .sentencePiece(let rules):
            if !isSkipped, let byte = ByteToken.byte(token) {
                pending.append(byte)
                return settled()
            }
            return flush() + text(of: token, id, isSkipped: isSkipped, rules)
        }
    }

    /// The text that is left at the end; the decoder is done then.
    package mutating func finish() -> [UInt8] { flush() }

    /// The waiting bytes as text, since no others follow.
    private mutating func flush() -> [UInt8] {
        if pending.isEmpty { return [] }
        var text: [UInt8] = []
        switch style {
        case .bytes:
            text = UTF8Text.repaired(pending)
        case .pieces where UTF8Text.firstError(pending) == nil:
            text = pending
        case .pieces, .sentencePiece:
            for _ in pending { UTF8Text.append(0xFFFD, to: &text) }
        }
        pending.removeAll(keepingCapacity: true)
        return withoutStart(text)
    }

    /// The characters that waiting bytes make up; of what cannot become one, U+FFFD for each byte.
    private mutating func settled() -> [UInt8] {
        let whole = UTF8Text.incompleteStart(pending)
        var text: [UInt8] = []
        var position = 0
        while position < whole {
            if let end = UTF8Text.characterEnd(pending, position) {
                text.append(contentsOf: pending[position..<end])
                position = end
            } else {
                UTF8Text.append(0xFFFD, to: &text)
                position += 1
            }
        }
        pending.removeFirst(whole)
        if !text.isEmpty { stripsStart = false }
        return text
    }

    /// Text without the space at the start of all, if that is left out.
    private mutating func withoutStart(_ text: [UInt8]) -> [UInt8] {
        guard stripsStart, let first = text.first else { return text }
        stripsStart = false
        if case .pieces = style, first == 0x20 { return [UInt8](text.dropFirst()) }
        return text
    }

    /// The text of a token of SentencePiece that is not a byte.
    private mutating func text(
        of token: ArraySlice<UInt8>, _ id: Int32, isSkipped: Bool, _ rules: SentencePieceText
    ) -> [UInt8] {
        if isSkipped { return [] }
        if tokenizer.unknownID == id { return withoutStart(rules.unknownText) }
        var token = [UInt8](token)
        if stripsStart && Metaspace.stands(in: token, at: 0) {
            token.removeFirst(3)
            if !rules.removesExtraSpaces { stripsStart = false }
        }
        return withoutStart(Self.unescaped(token[...]))
    }

    /// A token with spaces for U+2581.
    private static func unescaped(_ token: ArraySlice<UInt8>) -> [UInt8] {
        let token = [UInt8](token)
        var text: [UInt8] = []
        var position = 0
        while position < token.count {
            let isSpace = Metaspace.stands(in: token, at: position)
            text.append(isSpace ? 0x20 : token[position])
            position += isSpace ? 3 : 1
        }
        // A vocabulary need not be UTF-8.
        return UTF8Text.repaired(text)
    }
}

/// The characters with which byte-level tokenizers write bytes in their files.
enum ByteMap {
    /// The bytes that a text writes; nil if it has another character.
    static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
        let text = [UInt8](text)
        var bytes: [UInt8] = []
        var position = 0
        while position < text.count {
            let scalar = UTF8Text.next(text, &position)
            switch scalar {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: break
            case 0x100...0x143: break
            default: return nil
            }
            bytes.append(byte(scalar))
        }
        return bytes
    }

    /// The bytes that are no characters of their own stand from U+0100 on, in ascending order.
    private static func byte(_ scalar: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: scalar)
        if scalar < 0x100 || value <= 0x20 { return value }
        return value == 0x21 ? 0x7F : value == 0x43 ? 0xAD : value + 0x5E
    }
}
