import Checkpoints
import Foundation

/// The steps around byte-pair encoding that are known; every other combination is refused by name.
extension TokenizerSource {
    /// Regular expressions that cut texts into words.
    private static let expressions: [(text: String, splitting: BytePairRules.Splitting)] = [
        (
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
                + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#, .llama3
        ),
        (
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"#
                + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#, .qwen2
        ),
        (
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2
        ),
    ]
    private static let space = "\u{2581}"

    /// Reads the normalizer, the pre-tokenizer and the decoder around a BPE model.
    mutating func readPipeline(_ fields: JSONFields) throws(TokenizerSourceError) {
        guard case .bytePair(var rules) = kind else { return }
        let preTokenizers = try Self.steps(fields, "pre_tokenizer", "pretokenizers")
        let types = try Self.types(preTokenizers)
        if types.contains("ByteLevel") {
            guard !rules.merges.fallsBackToBytes else {
                throw .unsupportedOption(
                    file: .tokenizer, name: "model.byte_fallback", found: "true with ByteLevel",
                    supported: "false")
            }
            try Self.readByteLevel(preTokenizers, types, &rules)
            try Self.readByteNormalizer(fields, &rules)
            let decoders = try Self.types(Self.steps(fields, "decoder", "decoders"))
            guard decoders == ["ByteLevel"] else {
                throw .unsupportedDecoder(found: Self.name(decoders))
            }
        } else {
            try Self.readPieceNormalizer(fields, &rules)
            try Self.readMetaspace(preTokenizers, types, &rules)
            rules.decoding = try Self.pieceDecoding(fields)
        }
        kind = .bytePair(rules)
    }

    // MARK: Steps

    /// The parts of a sequence, or the step alone.
    private static func steps(
        _ fields: JSONFields, _ key: String, _ list: String
    ) throws(TokenizerSourceError) -> [JSONFields] {
        guard let step = try fields.object(key) else { return [] }
        guard try step.string("type") == "Sequence" else { return [step] }
        guard let elements = try step.array(list) else { throw step.missing(list) }
        var steps: [JSONFields] = []
        for element in elements {
            steps.append(try JSONFields(element, file: .tokenizer, path: step.name(list)))
        }
        return steps
    }

    private static func types(_ steps: [JSONFields]) throws(TokenizerSourceError) -> [String] {
        var types: [String] = []
        for step in steps { types.append(try step.string("type") ?? "null") }
        return types
    }

    private static func name(_ types: [String]) -> String {
        switch types.count {
        case 0: "null"
        case 1: types[0]
        default: "Sequence[\(types.joined(separator: ", "))]"
        }
    }

    // MARK: Bytes

    private static func readByteLevel(
        _ steps: [JSONFields], _ types: [String], _ rules: inout BytePairRules
    ) throws(TokenizerSourceError) {
        let refusal = TokenizerSourceError.unsupportedPreTokenizer(found: name(types))
        var rest = steps[...]
        if types.first == "Digits" {
            guard try rest.removeFirst().bool("individual_digits") == true else { throw refusal }
            rules.preparation.insert(.digits)
        }
        var splitting: BytePairRules.Splitting?
        if rest.count == 2, let step = rest.first, try step.string("type") == "Split" {
            splitting = try self.splitting(step)
            rest.removeFirst()
        }
        guard rest.count == 1, let last = rest.first, try last.string("type") == "ByteLevel" else {
            throw refusal
        }
        let usesRegex = try last.bool("use_regex") ?? true
        let hasPrefix = try last.bool("add_prefix_space") ?? true
        // Both at once would cut, or put a space before, each part of the first cut.
        guard splitting == nil || !usesRegex && !hasPrefix else { throw refusal }
        rules.splitting = splitting ?? (usesRegex ? .gpt2 : .whole)
        if hasPrefix { rules.preparation.insert(.prefixSpace) }
    }

    private static func splitting(
        _ step: JSONFields
    ) throws(TokenizerSourceError) -> BytePairRules.Splitting {
        let pattern = try step.object("pattern")
        let text = try pattern?.string("Regex") ?? ""
        let behavior = try step.string("behavior") ?? "null"
        guard behavior == "Isolated", try step.bool("invert") ?? false == false else {
            throw .unsupportedPreTokenizer(found: "Split with the behavior \(behavior)")
        }
        // Character by character: strings that are equal by Unicode's rules are not the same.
        for expression in expressions where expression.text.utf8.elementsEqual(text.utf8) {
            return expression.splitting
        }
        throw .unsupportedExpression(found: text)
    }

    private static func readByteNormalizer(
        _ fields: JSONFields, _ rules: inout BytePairRules
    ) throws(TokenizerSourceError) {
        let types = try types(steps(fields, "normalizer", "normalizers"))
        guard types.isEmpty || types == ["NFC"] else {
            throw .unsupportedNormalizer(found: name(types))
        }
        rules.composes = !types.isEmpty
    }

    // MARK: Pieces

    private static func readPieceNormalizer(
        _ fields: JSONFields, _ rules: inout BytePairRules
    ) throws(TokenizerSourceError) {
        let steps = try steps(fields, "normalizer", "normalizers")
        let types = try types(steps)
        for step in steps {
            switch try step.string("type") {
            case "Prepend" where try step.string("prepend") == space:
                rules.preparation.insert(.normalizationPrefix)
            case "Replace" where try isReplacement(step, of: " ", with: space):
                rules.preparation.insert(.normalizationEscape)
            default:
                throw .unsupportedNormalizer(found: name(types))
            }
        }
        guard Set(types).count == types.count else {
            throw .unsupportedNormalizer(found: name(types))
        }
    }

    private static func isReplacement(
        _ step: JSONFields, of pattern: String, with content: String
    ) throws(TokenizerSourceError) -> Bool {
        let found = try step.object("pattern")?.string("String")
        return try step.string("content") == content && found == pattern
    }

    private static func readMetaspace(
        _ steps: [JSONFields], _ types: [String], _ rules: inout BytePairRules
    ) throws(TokenizerSourceError) {
        guard let step = steps.first else { return }
        switch types {
        case ["Metaspace"] where try step.string("replacement") == space:
            rules.preparation.insert(.escape)
            rules.splitting = try step.bool("split") ?? true ? .metaspace : .whole
            let isPrefixed = try step.bool("add_prefix_space") ?? true
            switch try step.string("prepend_scheme") ?? (isPrefixed ? "always" : "never") {
            case "always": rules.preparation.insert(.prefix)
            case "first": rules.preparation.formUnion([.prefix, .prefixAtStart])
            case "never": break
            default: throw .unsupportedPreTokenizer(found: name(types))
            }
        case ["Split"] where rules.preparation.contains(.normalizationEscape):
            // No space is left to cut at.
            let pattern = try step.object("pattern")?.string("String")
            let behavior = try step.string("behavior")
            guard pattern == " " && behavior == "MergedWithPrevious" else {
                throw .unsupportedPreTokenizer(found: name(types))
            }
        default:
            throw .unsupportedPreTokenizer(found: name(types))
        }
    }

    private static func pieceDecoding(
        _ fields: JSONFields
    ) throws(TokenizerSourceError) -> BytePairRules.Decoding {
        let steps = try steps(fields, "decoder", "decoders")
        let types = try types(steps)
        guard types.starts(with: ["Replace", "ByteFallback", "Fuse"]), types.count <= 4,
            try isReplacement(steps[0], of: space, with: " ")
        else { throw .unsupportedDecoder(found: name(types)) }
        if types.count == 3 { return .pieces }
        let last = steps[3]
        guard types[3] == "Strip", try last.string("content") == " ",
            try last.requiredCount("start") == 1, try last.requiredCount("stop") == 0
        else { throw .unsupportedDecoder(found: name(types)) }
        return .piecesWithPrefix
    }

    // MARK: Added tokens

    /// The text in which an added token is sought.
    func soughtText(_ token: AddedToken) -> [UInt8] {
        guard token.isNormalized, case .bytePair(let rules) = kind else { return token.text }
        var text = Self.text(token.text)
        if rules.preparation.contains(.normalizationEscape) {
            text = text.replacing(" ", with: Self.space)
        }
        if rules.preparation.contains(.normalizationPrefix) { text = Self.space + text }
        return Array(text.utf8)
    }

    /// Refuses added tokens that would be sought in another form than they have, or that could not
    /// become text as in Hugging Face.
    mutating func checkAddedTokens(_ rules: BytePairRules) throws(TokenizerSourceError) {
        var known: Set<[UInt8]> = []
        for token in addedTokens where token.isNormalized {
            let name = Self.text(token.text)
            let composed = name.precomposedStringWithCanonicalMapping
            if rules.composes && Array(composed.utf8) != token.text {
                throw .unsupportedAddedToken(token: name, option: "normalized with another form")
            }
            let sought = soughtText(token)
            if sought != token.text && ids[token.text] == nil {
                // Its text has to be among the tokens of the model, where no text may find it.
                guard name.unicodeScalars.count > 1 else {
                    throw .unsupportedAddedToken(
                        token: name, option: "normalized as a single character")
                }
                appendToVocabulary(token)
            }
            guard known.insert(sought).inserted else {
                throw .unsupportedAddedToken(
                    token: name, option: "normalized without a form of its own")
            }
        }
    }
}
