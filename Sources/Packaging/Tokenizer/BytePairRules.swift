/// How a tokenizer with byte-pair encoding makes words of texts, tokens of words and texts of
/// tokens, in the terms of `formats/tokenizer.md`.
struct BytePairRules {
    /// What cuts texts into words.
    enum Splitting: UInt8 {
        case whole = 0
        case gpt2 = 1
        case llama3 = 2
        case qwen2 = 3
        case metaspace = 4
    }

    /// What makes tokens text.
    enum Decoding: UInt8 {
        case bytes = 0
        case pieces = 1
        case piecesWithPrefix = 2
    }

    /// What happens to a text before it is cut.
    struct Preparation: OptionSet {
        let rawValue: UInt16

        static let normalizationPrefix = Preparation(rawValue: 1)
        static let normalizationEscape = Preparation(rawValue: 2)
        static let digits = Preparation(rawValue: 4)
        static let prefixSpace = Preparation(rawValue: 8)
        static let escape = Preparation(rawValue: 16)
        static let prefix = Preparation(rawValue: 32)
        static let prefixAtStart = Preparation(rawValue: 64)
    }

    /// Whether texts are put into normalization form C.
    var composes = false
    var splitting = Splitting.whole
    var decoding = Decoding.bytes
    var preparation: Preparation = []
    var merges = MergeRules()
}

/// What byte-pair encoding merges.
struct MergeRules {
    struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    struct Merge {
        let rank: Int
        let result: Int
    }

    /// Whether a word that is a token is not cut.
    var takesWholeWords = false
    var fusesUnknown = false
    var fallsBackToBytes = false
    /// The token of characters that are not in the vocabulary; without it they leave nothing.
    var unknownID: Int?
    var merges: [Pair: Merge] = [:]
}
