import Checkpoints

extension TokenizerSource {
    /// Reads `tokenizer.json`.
    mutating func readTokenizer(_ fields: JSONFields) throws(TokenizerSourceError) {
        if let version = try fields.string("version"), version != "1.0" {
            throw .unsupportedOption(
                file: .tokenizer, name: "version", found: version, supported: "1.0")
        }
        try readModel(fields)
        if case .bytePair = kind {
            try readPipeline(fields)
        } else {
            try readNormalizer(fields)
            guard let preTokenizer = try fields.object("pre_tokenizer") else {
                throw .unsupportedPreTokenizer(found: "null")
            }
            let type = try preTokenizer.string("type") ?? "null"
            guard type == "BertPreTokenizer" else { throw .unsupportedPreTokenizer(found: type) }
        }
        try readAddedTokens(fields)
        if case .bytePair(let rules) = kind, rules.decoding == .bytes { try readByteTokens() }
        if let processor = try fields.object("post_processor") {
            try readPostProcessor(processor)
        }
        if let truncation = try fields.object("truncation") {
            let direction = try truncation.string("direction") ?? "Right"
            guard direction == "Left" || direction == "Right" else {
                throw .unsupportedOption(
                    file: .tokenizer, name: "truncation.direction", found: direction,
                    supported: "Left or Right")
            }
            truncatesAtStart = direction == "Left"
        }
    }

    private mutating func readModel(_ fields: JSONFields) throws(TokenizerSourceError) {
        guard let model = try fields.object("model") else { throw fields.missing("model") }
        // Old files name no type; only WordPiece has this limit, only BPE has merges.
        let isUntypedWordPiece = model.value("max_input_chars_per_word") != nil
        let isUntypedBytePair = model.value("merges") != nil
        let type =
            try model.string("type")
            ?? (isUntypedWordPiece ? "WordPiece" : isUntypedBytePair ? "BPE" : "null")
        if type == "BPE" {
            try readBytePairModel(model)
            return
        }
        guard type == "WordPiece" else { throw .unsupportedModel(found: type) }
        unknownToken = Array(try model.requiredString("unk_token").utf8)
        continuationPrefix = Array(
            try model.requiredString("continuing_subword_prefix").utf8)
        maximumCharactersPerWord = try model.requiredCount("max_input_chars_per_word")
        guard maximumCharactersPerWord > 0 else {
            throw .unsupportedOption(
                file: .tokenizer, name: "model.max_input_chars_per_word", found: "0",
                supported: "1 or more")
        }
        guard let vocabulary = try model.object("vocab") else { throw model.missing("vocab") }
        try readVocabulary(vocabulary)
    }

    /// Takes the tokens of a model with their ids.
    mutating func readVocabulary(_ fields: JSONFields) throws(TokenizerSourceError) {
        var tokens: [(id: Int, text: [UInt8])] = []
        for member in fields.object.members {
            let id = try fields.count(
                member.value, name: "the id of token \"\(member.name)\"")
            let text = Array(member.name.utf8)
            tokens.append((id, text))
            ids[text] = id
        }
        tokens.sort { $0.id < $1.id }
        for (index, token) in tokens.enumerated() {
            if index > 0, tokens[index - 1].id == token.id {
                throw .duplicateID(
                    id: token.id, first: Self.text(tokens[index - 1].text),
                    second: Self.text(token.text))
            }
            guard token.id == index else {
                throw .missingID(id: index, tokenCount: tokens.count)
            }
        }
        setVocabulary(tokens.map(\.text))
    }

    private mutating func readNormalizer(_ fields: JSONFields) throws(TokenizerSourceError) {
        guard let normalizer = try fields.object("normalizer") else {
            throw .unsupportedNormalizer(found: "null")
        }
        let type = try normalizer.string("type") ?? "null"
        guard type == "BertNormalizer" else { throw .unsupportedNormalizer(found: type) }
        normalization.cleansText = try normalizer.requiredBool("clean_text")
        normalization.separatesIdeographs = try normalizer.requiredBool("handle_chinese_chars")
        normalization.lowercases = try normalizer.requiredBool("lowercase")
        normalization.stripsAccents =
            try normalizer.bool("strip_accents") ?? normalization.lowercases
    }

    private mutating func readAddedTokens(_ fields: JSONFields) throws(TokenizerSourceError) {
        for element in try fields.array("added_tokens") ?? [] {
            let token = try JSONFields(element, file: .tokenizer, path: "added_tokens")
            try addToken(token, id: token.requiredCount("id"))
        }
    }

    /// Takes an added token; new ones continue the ids of the vocabulary, as in Hugging Face.
    mutating func addToken(_ fields: JSONFields, id: Int) throws(TokenizerSourceError) {
        let name = try fields.requiredString("content")
        let text = Array(name.utf8)
        if text.isEmpty { return }
        let isNormalized = try fields.bool("normalized") ?? true
        if try fields.bool("single_word") ?? false {
            throw .unsupportedAddedToken(token: name, option: "single_word")
        }
        let expected = ids[text] ?? vocabularySize
        if let earlier = addedIDs[text] {
            throw .duplicateToken(token: name, first: earlier, second: id)
        }
        guard id == expected else {
            throw .addedTokenMismatch(token: name, id: id, vocabularyID: expected)
        }
        append(
            AddedToken(
                text: text, id: id, isNormalized: isNormalized,
                stripsLeft: try fields.bool("lstrip") ?? false,
                stripsRight: try fields.bool("rstrip") ?? false,
                isSpecial: try fields.bool("special") ?? false))
    }

    /// The options that transformers takes from its own file must say the same.
    func checkAgreement(with configuration: JSONFields) throws(TokenizerSourceError) {
        guard case .wordPiece = kind else {
            try checkPrefixSpace(configuration)
            return
        }
        let pairs = [
            ("lower-casing", normalization.lowercases, try configuration.bool("do_lower_case")),
            (
                "stripping of accents", normalization.stripsAccents,
                try configuration.bool("strip_accents")
            ),
            (
                "separation of Chinese characters", normalization.separatesIdeographs,
                try configuration.bool("tokenize_chinese_chars")
            ),
        ]
        for (name, value, configured) in pairs {
            if let configured, configured != value {
                throw .conflictingOption(
                    name: name, tokenizer: "\(value)", configuration: "\(configured)")
            }
        }
    }
}
