/// Text to token ids, from tables prepared at compress time (`formats/tokenizer.md`).
///
/// Encoding accepts every sequence of bytes: ill-formed UTF-8 reads as U+FFFD for each maximal
/// subpart. Ids equal those of Hugging Face `tokenizers`.
package struct Tokenizer: Sendable {
    let normalization: NormalizationTable
    let added: AddedTokens
    let normalizedTokens: NormalizedTokens
    let model: WordPieceModel
    let single: EncodingTemplate
    let pair: EncodingTemplate
    let truncatesAtStart: Bool
    /// Whether tokens may have been left out.
    package let isTrimmed: Bool
    private let special: SpecialTokens
    /// By id: the rank in the vocabulary, or behind these among the added tokens, or behind these
    /// among the normalized ones.
    private let ranks: [UInt32]
    private static let noRank = UInt32.max

    /// Checks a blob and prepares it for reading; throws unless it keeps every rule of the format.
    package init(_ blob: [UInt8]) throws(TokenizerError) {
        let directory = try TokenizerDirectory(blob)
        let size = directory.vocabularySize
        truncatesAtStart = directory.truncatesAtStart
        isTrimmed = directory.isTrimmed

        var reader = directory.reader(.vocabulary)
        let vocabulary = try SortedTokens(&reader, maximumCount: size)
        try reader.finish()
        reader = directory.reader(.normalization)
        normalization = try NormalizationTable(&reader)
        reader = directory.reader(.addedTokens)
        added = try AddedTokens(&reader)
        normalizedTokens = try NormalizedTokens(&reader, normalization)
        try reader.finish()
        ranks = try Self.ranks(
            vocabulary, [added.tokens, normalizedTokens.tokens], size: size,
            mayMiss: directory.isTrimmed)

        reader = directory.reader(.templates)
        let counts = [
            try reader.count(maximum: TokenizerLayout.maximumTemplatePieceCount),
            try reader.count(maximum: TokenizerLayout.maximumTemplatePieceCount),
        ]
        single = try EncodingTemplate(&reader, count: counts[0], number: 1, vocabularySize: size)
        pair = try EncodingTemplate(&reader, count: counts[1], number: 2, vocabularySize: size)
        try reader.finish()

        reader = directory.reader(.specialTokens)
        special = try SpecialTokens(&reader, vocabularySize: size)
        guard let unknown = special.unknown else { throw .unknownTokenMissing }
        reader = directory.reader(.wordPiece)
        model = try WordPieceModel(&reader, tokens: vocabulary, unknownID: unknown)
        for id in single.tokens + self.pair.tokens + special.all {
            guard ranks[Int(id)] != Self.noRank else { throw .missingID(id: UInt32(id)) }
        }
    }

    /// Checks that the ids are those below `size`, or some of them, and that none has two texts.
    private static func ranks(
        _ vocabulary: SortedTokens, _ added: [SortedTokens], size: Int, mayMiss: Bool
    ) throws(TokenizerError) -> [UInt32] {
        let none = noRank
        var ranks = [UInt32](repeating: none, count: size)
        for (rank, id) in vocabulary.ids.enumerated() {
            guard id < UInt32(size) else {
                throw .tokenOutOfRange(section: .vocabulary, id: id, vocabularySize: size)
            }
            guard ranks[Int(id)] == none else {
                throw .duplicateID(section: .vocabulary, id: id)
            }
            ranks[Int(id)] = UInt32(rank)
        }
        var first = vocabulary.count
        for tokens in added {
            for (rank, id) in tokens.ids.enumerated() {
                guard id < UInt32(size) else {
                    throw .tokenOutOfRange(section: .addedTokens, id: id, vocabularySize: size)
                }
                let known = ranks[Int(id)]
                if known == none {
                    ranks[Int(id)] = UInt32(first + rank)
                } else if known >= UInt32(vocabulary.count) {
                    throw .duplicateID(section: .addedTokens, id: id)
                } else if vocabulary[Int(known)] != tokens[rank] {
                    throw .addedTokenDiffers(id: id)
                }
            }
            first += tokens.count
        }
        if !mayMiss {
            for (id, rank) in ranks.enumerated() where rank == none {
                throw .missingID(id: UInt32(id))
            }
        }
        return ranks
    }

    /// Ids are 0 ..< this; a trimmed tokenizer lacks some of them.
    package var vocabularySize: Int { ranks.count }

    /// The UTF-8 bytes of a token, or nil if there is no such id.
    package func tokenBytes(_ id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, Int(id) < ranks.count, ranks[Int(id)] != Self.noRank else { return nil }
        let rank = Int(ranks[Int(id)])
        let known = model.tokens.count
        if rank < known { return model.tokens[rank] }
        let next = known + added.tokens.count
        return rank < next ? added.tokens[rank - known] : normalizedTokens.tokens[rank - next]
    }

    /// The token that fills short rows of a batch.
    package var paddingID: Int32? { special.padding }
    /// The token of words that the vocabulary does not cover.
    package var unknownID: Int32? { special.unknown }
    /// The token that stands for the whole text.
    package var classificationID: Int32? { special.classification }
    /// The token between texts.
    package var separatorID: Int32? { special.separator }
    /// The token in the place of a word to be guessed.
    package var maskID: Int32? { special.mask }
}
