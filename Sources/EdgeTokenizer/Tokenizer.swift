/// Text to token ids and back, from tables prepared at compress time (`formats/tokenizer.md`).
///
/// Encoding accepts every sequence of bytes: ill-formed UTF-8 reads as U+FFFD for each maximal
/// subpart. Ids equal those of Hugging Face `tokenizers`, or of `sentencepiece` for its own files.
package final class Tokenizer: Sendable {
    /// What is particular to a kind; in a box, so that copies of a tokenizer stay small code.
    indirect enum Model {
        case wordPiece(WordPieceModel, NormalizedTokens)
        /// Added tokens that are sought after normalization come last.
        case bytePair(BytePairModel, WordSplitter, CompositionTable, AddedTokens)
        case sentencePiece(BytePairModel, SentencePieceText)
    }

    let vocabulary: SortedTokens
    let normalization: NormalizationTable
    let added: AddedTokens
    let model: Model
    let single: EncodingTemplate
    let pair: EncodingTemplate
    let truncatesAtStart: Bool
    /// Whether tokens may have been left out.
    package let isTrimmed: Bool
    private let special: SpecialTokens
    /// Tokens that are sought after normalization.
    private let otherTokens: SortedTokens
    /// By id: the rank in the vocabulary, or behind these among the added tokens, or behind these
    /// among the normalized ones.
    private let ranks: [UInt32]
    private static let noRank = UInt32.max

    /// Checks a blob and prepares it for reading; throws unless it keeps every rule of the format.
    package init(_ blob: [UInt8]) throws(TokenizerError) {
        let directory = try TokenizerDirectory(blob)
        let size = directory.vocabularySize
        let isWordPiece = directory.kind == .wordPiece
        truncatesAtStart = directory.truncatesAtStart
        isTrimmed = directory.isTrimmed

        var reader = directory.reader(.vocabulary)
        let vocabulary = try SortedTokens(&reader, maximumCount: size)
        try reader.finish()
        self.vocabulary = vocabulary
        reader = directory.reader(.normalization)
        normalization = try NormalizationTable(&reader, endsWords: isWordPiece)
        reader = directory.reader(.addedTokens)
        added = try AddedTokens(&reader, mayBeSpecial: !isWordPiece)
        var normalizedTokens: NormalizedTokens?
        var addedLater: AddedTokens?
        let others: SortedTokens
        if isWordPiece {
            let tokens = try NormalizedTokens(&reader, normalization)
            normalizedTokens = tokens
            others = tokens.tokens
        } else {
            let tokens = try AddedTokens(&reader, after: added)
            addedLater = tokens
            others = tokens.tokens
        }
        otherTokens = others
        try reader.finish()
        let ranks = try Self.ranks(
            vocabulary, [added.tokens, others], size: size, mayMiss: directory.isTrimmed,
            mayDiffer: !isWordPiece)
        self.ranks = ranks

        reader = directory.reader(.templates)
        let counts = [
            try reader.count(maximum: TokenizerLayout.maximumTemplatePieceCount),
            try reader.count(maximum: TokenizerLayout.maximumTemplatePieceCount),
        ]
        single = try EncodingTemplate(&reader, count: counts[0], number: 1, vocabularySize: size)
        pair = try EncodingTemplate(&reader, count: counts[1], number: 2, vocabularySize: size)
        try reader.finish()

        reader = directory.reader(.specialTokens)
        special = try SpecialTokens(&reader, count: isWordPiece ? 5 : 7, vocabularySize: size)
        let isToken = { (id: UInt32) in id < UInt32(size) && ranks[Int(id)] != Self.noRank }
        switch directory.kind {
        case .wordPiece:
            guard let unknown = special.unknown, let normalizedTokens else {
                throw .unknownTokenMissing
            }
            reader = directory.reader(.wordPiece)
            model = .wordPiece(
                try WordPieceModel(&reader, tokens: vocabulary, unknownID: unknown),
                normalizedTokens)
        case .bytePair:
            reader = directory.reader(.composition)
            let composition = try CompositionTable(&reader)
            reader = directory.reader(.splitting)
            let splitter = try WordSplitter(&reader)
            reader = directory.reader(.merges)
            let pairs = try BytePairModel(
                &reader, tokens: vocabulary, startsFromBytes: splitter.decoding == .bytes,
                vocabularySize: size, isToken: isToken)
            model = .bytePair(pairs, splitter, composition, addedLater ?? added)
        case .sentencePiece:
            reader = directory.reader(.merges)
            let pairs = try BytePairModel(
                &reader, tokens: vocabulary, startsFromBytes: false, vocabularySize: size,
                isToken: isToken)
            reader = directory.reader(.sentencePiece)
            model = .sentencePiece(
                pairs, try SentencePieceText(&reader, vocabularySize: size))
        }
        for id in single.tokens + self.pair.tokens + special.all {
            guard ranks[Int(id)] != Self.noRank else { throw .missingID(id: UInt32(id)) }
        }
    }

    /// Checks that the ids are those below `size`, or some of them, and that none has two texts
    /// unless they may differ.
    private static func ranks(
        _ vocabulary: SortedTokens, _ added: [SortedTokens], size: Int, mayMiss: Bool,
        mayDiffer: Bool
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
                } else if !mayDiffer && vocabulary[Int(known)] != tokens[rank] {
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
        let known = vocabulary.count
        if rank < known { return vocabulary[rank] }
        let next = known + added.tokens.count
        return rank < next ? added.tokens[rank - known] : otherTokens[rank - next]
    }

    /// Whether a token that there is belongs to the model, not only to those added.
    func isOfModel(_ id: Int32) -> Bool { ranks[Int(id)] < UInt32(vocabulary.count) }

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
    /// The token at the beginning of a text.
    package var beginningID: Int32? { special.beginning }
    /// The token at the end of a text, with which generation stops.
    package var endID: Int32? { special.end }
}
