/// Constants of the tokenizer section, format version 1 (`formats/tokenizer.md`).
enum TokenizerLayout {
    /// `ATOK` in little-endian order.
    static let magic: UInt32 = 0x4B4F_5441
    static let version: UInt16 = 1
    static let headerByteCount = 24
    static let directoryEntryByteCount = 12
    /// Stands for "no such token" among the special tokens.
    static let noToken: UInt32 = 0xFFFF_FFFF
    /// Header flag: truncation removes tokens from the start of a text.
    static let truncatesAtStart: UInt32 = 1
    /// Header flag: tokens may have been left out.
    static let isTrimmed: UInt32 = 2

    static let maximumVocabularySize = 1 << 22
    static let maximumTokenByteCount = 1024
    static let maximumAddedTokenCount = 65_535
    static let maximumNormalizedTokenCount = 64
    static let maximumWhitespaceCount = 64
    static let maximumTemplatePieceCount = 64
    static let maximumRangeCount = 65_535
    static let maximumEntryCount = 1 << 20
    static let maximumUnitCount = 1 << 20
    static let maximumUnitsPerSequence = 32
    static let maximumCharactersPerWord = 1024
    static let maximumPrefixByteCount = 64
    static let maximumCompositionCount = 65_535
    static let maximumMergeCount = (1 << 24) - 1
    static let maximumTrieUnitCount = 1 << 22
    static let maximumReplacementByteCount = 1 << 24
}

/// How a tokenizer cuts words into tokens.
enum TokenizerKind: UInt16 {
    case wordPiece = 1
    /// Byte-pair encoding as Hugging Face does it.
    case bytePair = 2
    /// Byte-pair encoding as SentencePiece does it.
    case sentencePiece = 3

    /// In the order in which they stand.
    var sections: [TokenizerSection] {
        let shared: [TokenizerSection] = [
            .vocabulary, .normalization, .addedTokens, .templates, .specialTokens,
        ]
        return switch self {
        case .wordPiece: shared + [.wordPiece]
        case .bytePair: shared + [.composition, .splitting, .merges]
        case .sentencePiece: shared + [.merges, .sentencePiece]
        }
    }
}

/// The sections of a blob, in the order in which they stand.
package enum TokenizerSection: UInt32, Sendable, Equatable {
    case vocabulary = 1
    case normalization = 2
    case addedTokens = 3
    case templates = 4
    case specialTokens = 5
    case wordPiece = 16
    case composition = 17
    case splitting = 18
    case merges = 19
    case sentencePiece = 20

    package var name: StaticString {
        switch self {
        case .vocabulary: "vocabulary"
        case .normalization: "normalization"
        case .addedTokens: "added tokens"
        case .templates: "templates"
        case .specialTokens: "special tokens"
        case .wordPiece: "word piece"
        case .composition: "composition"
        case .splitting: "splitting"
        case .merges: "merges"
        case .sentencePiece: "SentencePiece"
        }
    }
}
