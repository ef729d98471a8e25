import Checkpoints

/// A tokenizer as a Hugging Face folder describes it, checked and ready to be packed.
///
/// `tokenizer.json` is preferred; without it, `vocab.txt` is read as transformers' `BertTokenizer`
/// reads it, with the options of `tokenizer_config.json`, or `tokenizer.model` as SentencePiece
/// does. What cannot be reproduced exactly is refused.
package struct TokenizerSource: Sendable {
    /// A token that is found in the text before or after normalization.
    struct AddedToken {
        let text: [UInt8]
        let id: Int
        let isNormalized: Bool
        let stripsLeft: Bool
        let stripsRight: Bool
        /// Whether it can be left out when ids become text.
        var isSpecial = false
    }

    /// What cuts words into tokens.
    enum Kind {
        case wordPiece
        case bytePair(BytePairRules)
        case sentencePiece(MergeRules, SentencePieceRules)
    }

    /// A place in a template.
    enum TemplatePiece: Equatable {
        case token(id: Int, typeID: Int)
        case first(typeID: Int)
        case second(typeID: Int)
    }

    var kind = Kind.wordPiece
    /// Tokens of the model by id, as bytes of texts.
    private(set) var vocabulary: [[UInt8]] = []
    /// Tokens of the model that no text has and that only stand among the added ones.
    var addedOnly: Set<Int> = []
    /// Added tokens that also stand among those of the model, to become text.
    private(set) var addedTexts: [AddedToken] = []
    /// Ids by token of the model, as it is written in its file.
    var ids: [[UInt8]: Int] = [:]
    var normalization = NormalizationOptions()
    var unknownToken = Array("[UNK]".utf8)
    var continuationPrefix = Array("##".utf8)
    var maximumCharactersPerWord = 100
    /// In ascending order of the bytes.
    private(set) var addedTokens: [AddedToken] = []
    /// Ids by added token.
    private(set) var addedIDs: [[UInt8]: Int] = [:]
    var single: [TemplatePiece] = [.first(typeID: 0)]
    var pair: [TemplatePiece] = [.first(typeID: 0), .second(typeID: 1)]
    var specialTokens = SpecialTokenIDs()
    var truncatesAtStart = false
    /// Tokens of the model that are not left out; nil for all.
    private(set) var keptTokens: Set<Int>?

    /// Reads what a folder holds.
    ///
    /// - Parameters:
    ///   - tokenizerJSON: the bytes of `tokenizer.json`.
    ///   - vocabularyText: the bytes of `vocab.txt`, unused if there is a `tokenizer.json`.
    ///   - sentencePieceModel: the bytes of `tokenizer.model`, unused if there is one of the two.
    ///   - tokenizerConfigJSON: the bytes of `tokenizer_config.json`.
    package init(
        tokenizerJSON: [UInt8]?, vocabularyText: [UInt8]?, sentencePieceModel: [UInt8]? = nil,
        tokenizerConfigJSON: [UInt8]?
    ) throws(TokenizerSourceError) {
        var configuration = try JSONFields(.object(JSONObject()), file: .configuration)
        if let bytes = tokenizerConfigJSON {
            configuration = try JSONFields(parsing: bytes, file: .configuration)
        }
        if let bytes = tokenizerJSON {
            try readTokenizer(JSONFields(parsing: bytes, file: .tokenizer))
            try checkAgreement(with: configuration)
        } else if let bytes = vocabularyText {
            try readVocabularyText(bytes)
            try readConfiguration(configuration)
        } else if let bytes = sentencePieceModel {
            try readSentencePiece(bytes, configuration)
        } else {
            throw .noVocabulary
        }
        if case .wordPiece = kind {
            guard let unknownID = ids[unknownToken] else {
                throw .unknownTokenMissing(token: Self.text(unknownToken))
            }
            try readSpecialTokens(configuration)
            specialTokens.unknown = unknownID
        } else {
            try readDecoderTokens(configuration)
        }
        if let side = try configuration.string("truncation_side") {
            guard side == "left" || side == "right" else {
                throw .unsupportedOption(
                    file: .configuration, name: "truncation_side", found: side,
                    supported: "left or right")
            }
            truncatesAtStart = side == "left"
        }
        addedTokens.sort { $0.text.lexicographicallyPrecedes($1.text) }
        try checkLimits()
        switch kind {
        case .wordPiece: try checkNormalizedTokens()
        case .bytePair(let rules): try checkAddedTokens(rules)
        case .sentencePiece: break
        }
    }

    /// The number of tokens, added ones included.
    package private(set) var vocabularySize = 0

    /// A token for an error message.
    static func text(_ token: [UInt8]) -> String { String(decoding: token, as: UTF8.self) }

    /// The id of a token of the model or an added one.
    func id(_ token: [UInt8]) -> Int? {
        ids[token] ?? addedIDs[token]
    }

    /// Takes the tokens of the model, by id.
    mutating func setVocabulary(_ tokens: [[UInt8]]) {
        vocabulary = tokens
        vocabularySize = tokens.count
    }

    /// Takes the bytes of the tokens of the model, by id.
    mutating func setVocabularyBytes(_ tokens: [[UInt8]]) { vocabulary = tokens }

    /// Lets an added token be among those of the model as well.
    mutating func appendToVocabulary(_ token: AddedToken) { addedTexts.append(token) }

    /// Takes the tokens of the model that are not left out.
    mutating func setKeptTokens(_ tokens: Set<Int>) {
        keptTokens = tokens
    }

    /// Takes a token to be found in texts; a new one has the id `vocabularySize`.
    mutating func append(_ token: AddedToken) {
        if token.id == vocabularySize { vocabularySize += 1 }
        addedTokens.append(token)
        addedIDs[token.text] = token.id
    }

    private func checkLimits() throws(TokenizerSourceError) {
        typealias Limits = TokenizerBlobWriter.Limits
        let lengths = (vocabulary + addedTokens.map(\.text)).map(\.count)
        let quantities = [
            ("the number of tokens", vocabularySize, Limits.vocabularySize),
            ("the number of added tokens", addedTokens.count, Limits.addedTokenCount),
            (
                "the length of the longest token in bytes", lengths.max() ?? 0,
                Limits.tokenByteCount
            ),
            ("the length of all tokens in bytes", lengths.reduce(0, +), Limits.textByteCount),
            ("max_input_chars_per_word", maximumCharactersPerWord, Limits.charactersPerWord),
            (
                "the length of continuing_subword_prefix", continuationPrefix.count,
                Limits.prefixByteCount
            ),
            (
                "the number of normalized added tokens", normalizedTokenCount,
                Limits.normalizedTokenCount
            ),
            ("the number of merges", mergeCount, Limits.mergeCount),
            (
                "the number of pieces of a template", max(single.count, pair.count),
                Limits.templatePieceCount
            ),
            ("a type id of a template", largestTypeID, Limits.typeID),
        ]
        for (quantity, found, maximum) in quantities where found > maximum {
            throw .limitExceeded(quantity: quantity, found: found, maximum: maximum)
        }
    }

    /// Those of WordPiece are sought one by one.
    private var normalizedTokenCount: Int {
        if case .wordPiece = kind { return addedTokens.count { $0.isNormalized } }
        return 0
    }

    private var mergeCount: Int {
        switch kind {
        case .wordPiece: 0
        case .bytePair(let rules): rules.merges.merges.count
        case .sentencePiece(let rules, _): rules.merges.count
        }
    }

    /// Tokens that are sought in normalized text must be there in one piece.
    private func checkNormalizedTokens() throws(TokenizerSourceError) {
        let tokens = addedTokens.filter(\.isNormalized)
        if tokens.isEmpty { return }
        let facts = UnicodeFacts()
        let table = NormalizationTableBuilder(facts, normalization)
        var known: Set<[UInt32]> = []
        for token in tokens {
            let name = Self.text(token.text)
            let hasIdeographs = name.unicodeScalars.contains { facts.ideographs.contains($0.value) }
            let units = table.units(of: token.text)
            let hasSpaces = units.contains { $0 >> 21 & 3 == 2 }
            let scalars = units.filter { $0 >> 21 & 3 != 3 }.map { $0 & 0x1F_FFFF }
            if hasSpaces || normalization.separatesIdeographs && hasIdeographs {
                throw .unsupportedAddedToken(
                    token: name, option: "normalized with white space or ideographs")
            }
            if scalars.isEmpty || !known.insert(scalars).inserted {
                throw .unsupportedAddedToken(
                    token: name, option: "normalized without a form of its own")
            }
        }
    }

    private var largestTypeID: Int {
        let typeIDs = (single + pair).map { piece in
            switch piece {
            case .token(_, let typeID), .first(let typeID), .second(let typeID): typeID
            }
        }
        return typeIDs.max() ?? 0
    }
}
