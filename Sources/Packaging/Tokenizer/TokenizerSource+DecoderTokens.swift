import Checkpoints

/// The tokens with a role of tokenizers with byte-pair encoding.
extension TokenizerSource {
    /// Classes of transformers whose options, not tokenizer.json, say what stands around a text.
    private static let configuredClasses: Set<String> = [
        "LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer", "CodeLlamaTokenizerFast",
        "GemmaTokenizer", "GemmaTokenizerFast",
    ]

    /// Finds the ids of the tokens with a role, and puts those at the beginning and end around
    /// texts if the configuration says so and tokenizer.json does not.
    mutating func readDecoderTokens(_ fields: JSONFields) throws(TokenizerSourceError) {
        specialTokens.padding = try specialID(fields, "pad_token") ?? specialTokens.padding
        let unknown = try specialID(fields, "unk_token")
        if case .bytePair = kind { specialTokens.unknown = unknown ?? specialTokens.unknown }
        specialTokens.classification = try specialID(fields, "cls_token")
        specialTokens.separator = try specialID(fields, "sep_token")
        specialTokens.mask = try specialID(fields, "mask_token")
        specialTokens.beginning = try specialID(fields, "bos_token") ?? specialTokens.beginning
        specialTokens.end = try specialID(fields, "eos_token") ?? specialTokens.end

        var isConfigured = false
        if let name = try fields.string("tokenizer_class") {
            isConfigured = Self.configuredClasses.contains(name)
        }
        if case .sentencePiece = kind { isConfigured = true }
        let isBare = !(single + pair).contains { if case .token = $0 { true } else { false } }
        let addsBeginning = try fields.bool("add_bos_token") ?? isConfigured
        let addsEnd = try fields.bool("add_eos_token") ?? false
        guard isConfigured || isBare && (addsBeginning || addsEnd) else { return }
        let beginning = try addsBeginning ? required(specialTokens.beginning, "bos_token") : nil
        let end = try addsEnd ? required(specialTokens.end, "eos_token") : nil
        single = Self.around(.first(typeID: 0), 0, beginning, end)
        pair = single + Self.around(.second(typeID: 1), 1, beginning, end)
    }

    /// Where splitting is by bytes alone, transformers would follow the configuration.
    func checkPrefixSpace(_ fields: JSONFields) throws(TokenizerSourceError) {
        guard case .bytePair(let rules) = kind, rules.decoding == .bytes,
            rules.splitting == .gpt2, !rules.preparation.contains(.digits),
            let configured = try fields.bool("add_prefix_space")
        else { return }
        let hasPrefix = rules.preparation.contains(.prefixSpace)
        if hasPrefix != configured {
            throw .conflictingOption(
                name: "add_prefix_space", tokenizer: "\(hasPrefix)",
                configuration: "\(configured)")
        }
    }

    /// A model without a token for the beginning gets none.
    private func required(
        _ id: Int?, _ name: String
    ) throws(TokenizerSourceError) -> Int? {
        if id == nil, case .bytePair = kind {
            throw .missingField(file: .configuration, name: name)
        }
        return id
    }

    private static func around(
        _ text: TemplatePiece, _ typeID: Int, _ beginning: Int?, _ end: Int?
    ) -> [TemplatePiece] {
        var pieces = [text]
        if let beginning { pieces.insert(.token(id: beginning, typeID: typeID), at: 0) }
        if let end { pieces.append(.token(id: end, typeID: typeID)) }
        return pieces
    }

    private func specialID(
        _ fields: JSONFields, _ key: String
    ) throws(TokenizerSourceError) -> Int? {
        guard let token = try SpecialTokenIDs.token(fields, key) else { return nil }
        guard let id = id(token) else {
            throw .specialTokenMissing(name: key, token: Self.text(token))
        }
        return id
    }
}
