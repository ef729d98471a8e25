/// Leaving out tokens that texts of some kind do not need.
extension TokenizerSource {
    /// The id of the token for words that the vocabulary does not cover.
    package var unknownID: Int32 { specialTokens.unknown.map { Int32($0) } ?? 0 }

    /// The id of a token by its text, continuation prefix included; nil if there is none.
    package func id(of token: String) -> Int32? {
        id(Array(token.utf8)).map { Int32($0) }
    }

    /// Tokens that a trimmed tokenizer cannot do without, ascending.
    ///
    /// Special and added tokens, and all single characters, at the start of a word and behind it: a
    /// word of characters that have such tokens never becomes unknown.
    /// With byte-pair encoding every token: without one, others would merge otherwise.
    package var requiredTokens: [Int32] {
        guard case .wordPiece = kind else { return (0..<vocabularySize).map { Int32($0) } }
        var required = Set(addedTokens.map(\.id))
        let special = specialTokens
        for id in [
            special.padding, special.unknown, special.classification, special.separator,
            special.mask,
        ] {
            if let id { required.insert(id) }
        }
        for case .token(let id, _) in single + pair { required.insert(id) }
        for (id, token) in vocabulary.enumerated() {
            let isContinuation =
                token.count > continuationPrefix.count && token.starts(with: continuationPrefix)
            let rest = isContinuation ? token[continuationPrefix.count...] : token[...]
            if Self.isOneCharacter(rest) || Self.isOneCharacter(token[...]) { required.insert(id) }
        }
        return required.map { Int32($0) }.sorted()
    }

    /// The tokenizer without the tokens of the model that are not in `tokens`.
    ///
    /// Added tokens always stay. The others keep their ids.
    package func keeping(_ tokens: some Sequence<Int32>) -> TokenizerSource {
        guard case .wordPiece = kind else { return self }
        var source = self
        var kept = Set(tokens.map { Int($0) })
        for id in [unknownID] + requiredTokens { kept.insert(Int(id)) }
        source.setKeptTokens(kept)
        return source
    }

    private static func isOneCharacter(_ token: ArraySlice<UInt8>) -> Bool {
        // In UTF-8 all bytes of a character but the first are 0b10…….
        !token.isEmpty && token.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
    }
}
