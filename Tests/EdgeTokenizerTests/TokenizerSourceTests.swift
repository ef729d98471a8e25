import Checkpoints
import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("A tokenizer of a Hugging Face folder is packed exactly or refused")
struct TokenizerSourceTests {
    private func expect(
        _ error: TokenizerSourceError, replacing old: String, with new: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(Fixtures.smallTokenizerJSON.contains(old), sourceLocation: location)
        #expect(throws: error, sourceLocation: location) {
            try Fixtures.smallSource { $0 = $0.replacing(old, with: new) }
        }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    private func expect(
        _ error: TokenizerSourceError, json: String? = nil, vocabulary: String? = nil,
        configuration: String? = nil, _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: location) {
            try TokenizerSource(
                tokenizerJSON: json.map { Array($0.utf8) },
                vocabularyText: vocabulary.map { Array($0.utf8) },
                tokenizerConfigJSON: configuration.map { Array($0.utf8) })
        }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    @Test("The small tokenizer is packed, twice with the same bytes")
    func small() throws {
        let source = try Fixtures.smallSource()
        #expect(source.vocabularySize == 7)
        let blob = source.makeBlob()
        #expect(try blob == Fixtures.smallSource().makeBlob())
        let tokenizer = try Tokenizer(blob)
        #expect(tokenizer.vocabularySize == 7)
        #expect(tokenizer.tokenBytes(6).map { [UInt8]($0) } == Array("<m>".utf8))
        #expect(tokenizer.tokenBytes(4).map { [UInt8]($0) } == Array("##b".utf8))
        #expect(tokenizer.unknownID == 0 && tokenizer.classificationID == 1)
        #expect(tokenizer.separatorID == 2)
        #expect(tokenizer.maskID == nil && tokenizer.paddingID == nil)
        let encoding = tokenizer.encode(Array("AB \u{2003}<m> \u{85}[SEP] ább".utf8))
        #expect(encoding.ids == [1, 5, 6, 0, 0, 0, 5, 4, 2])
    }

    @Test("vocab.txt with its configuration gives the tokenizer of tokenizer.json")
    func vocabularyText() throws {
        let tokens = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "a", "##b", "é"]
        let vocabulary = Array(tokens.map { $0 + "\r\n" }.joined().utf8)
        let configuration = """
            {"tokenizer_class": "BertTokenizerFast", "do_lower_case": false,
            "mask_token": {"content": "[MASK]", "lstrip": false},
            "added_tokens_decoder": {"8": {"content": "[NEW]", "normalized": false}},
            "additional_special_tokens": ["é"], "never_split": null}
            """
        let source = try TokenizerSource(
            tokenizerJSON: nil, vocabularyText: vocabulary,
            tokenizerConfigJSON: Array(configuration.utf8))
        let tokenizer = try Tokenizer(source.makeBlob())
        #expect(tokenizer.vocabularySize == 9)
        #expect(tokenizer.paddingID == 3 && tokenizer.maskID == 4)
        let encoding = tokenizer.encode(Array("abA[NEW]abéb[MASK]".utf8))
        #expect(encoding.ids == [1, 0, 8, 5, 6, 7, 0, 4, 2])
    }

    @Test("Canonically equivalent tokens stay different")
    func equivalentTokens() throws {
        let source = try Fixtures.smallSource {
            $0 = $0.replacing("\"lowercase\": true", with: "\"lowercase\": false")
            $0 = $0.replacing("\"a\": 3", with: "\"\\u00e9\": 3").replacing(
                "\"ab\": 5", with: "\"e\u{301}\": 5")
        }
        let tokenizer = try Tokenizer(source.makeBlob())
        #expect(tokenizer.encodeWithoutSpecialTokens(Array("é e\u{301}".utf8)) == [3, 5])
    }

    @Test("A special token of a template is sought by its code points")
    func equivalentSpecialTokens() throws {
        let old = "{\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 2], \"cls\": [\"[CLS]\", 1]}"
        let first = "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}"
        let second = "{\"Sequence\": {\"id\": \"B\", \"type_id\": 0}}"
        let token = "{\"SpecialToken\": {\"id\": \"e\u{301}\", \"type_id\": 0}}"
        func template(_ table: String) -> String {
            "{\"type\": \"TemplateProcessing\", \"single\": [\(first), \(token)], "
                + "\"pair\": [\(first), \(second)], \"special_tokens\": \(table)}"
        }
        let source = try Fixtures.smallSource {
            $0 = $0.replacing(
                old,
                with: template("{\"\\u00e9\": {\"ids\": [1]}, \"e\u{301}\": {\"ids\": [2]}}"))
        }
        #expect(source.single == [.first(typeID: 0), .token(id: 2, typeID: 0)])
        expect(
            .templateTokenMissing(token: "e\u{301}"), replacing: old,
            with: template("{\"\\u00e9\": {\"ids\": [1]}}"))
    }

    @Test("Text that is not JSON is refused with the rule that it breaks and the byte")
    func invalidJSON() {
        expect(.invalidJSON(file: .tokenizer, .unexpectedEnd(offset: 0)), json: "")
        expect(.invalidJSON(file: .tokenizer, .trailingBytes(offset: 3)), json: "{} x")
        expect(
            .invalidJSON(file: .configuration, .invalidNumber(offset: 5)),
            vocabulary: "[UNK]\n", configuration: "{\"a\":01}")
        expect(
            .invalidJSON(file: .tokenizer, .nestedTooDeeply(limit: 128, offset: 128)),
            json: String(repeating: "[", count: 129))
        #expect(
            TokenizerSourceError.invalidJSON(
                file: .tokenizer, .unexpectedByte(0x31, offset: 5)
            ).description
                == "tokenizer.json is not JSON: unexpected '1' at byte 5 of the JSON text")
    }

    @Test("Broken files are refused")
    func brokenFiles() {
        expect(.noVocabulary, configuration: "{}")
        expect(.duplicateKey(file: .tokenizer, key: "é"), json: "{\"é\": 1, \"\\u00e9\": 2}")
        #expect(throws: TokenizerSourceError.invalidUTF8(file: .tokenizer)) {
            try TokenizerSource(
                tokenizerJSON: [0x22, 0xC3, 0x22], vocabularyText: nil, tokenizerConfigJSON: nil)
        }
        #expect(throws: TokenizerSourceError.invalidUTF8(file: .vocabulary)) {
            try TokenizerSource(
                tokenizerJSON: nil, vocabularyText: [0x80], tokenizerConfigJSON: nil)
        }
        expect(
            .wrongType(
                file: .tokenizer, name: "its content", expected: "an object", found: "an array"),
            json: "[]")
        expect(.missingField(file: .tokenizer, name: "model"), json: "{}")
        expect(
            .missingField(file: .tokenizer, name: "model.vocab"), replacing: "\"vocab\"",
            with: "\"vocabulary\"")
        expect(
            .wrongType(
                file: .tokenizer, name: "normalizer.lowercase", expected: "a boolean",
                found: "an integer"),
            replacing: "\"lowercase\": true", with: "\"lowercase\": 1")
    }

    @Test("What is not WordPiece with BERT's normalization is refused by name")
    func unsupported() {
        expect(
            .unsupportedModel(found: "Unigram"), replacing: "\"type\": \"WordPiece\", \"unk",
            with: "\"type\": \"Unigram\", \"unk")
        expect(
            .unsupportedNormalizer(found: "NFKC"), replacing: "BertNormalizer", with: "NFKC")
        expect(
            .unsupportedNormalizer(found: "null"), replacing: "\"normalizer\":", with: "\"n\":")
        expect(
            .unsupportedPreTokenizer(found: "ByteLevel"), replacing: "BertPreTokenizer",
            with: "ByteLevel")
        expect(
            .unsupportedPreTokenizer(found: "null"), replacing: "\"pre_tokenizer\":",
            with: "\"p\":")
        expect(
            .unsupportedPostProcessor(found: "Sequence"), replacing: "BertProcessing",
            with: "Sequence")
        expect(
            .unsupportedOption(
                file: .tokenizer, name: "version", found: "2.0", supported: "1.0"),
            replacing: "\"1.0\"", with: "\"2.0\"")
        expect(
            .unsupportedOption(
                file: .tokenizer, name: "model.max_input_chars_per_word", found: "0",
                supported: "1 or more"),
            replacing: ": 100,", with: ": 0,")
        for content in ["a b", "x我"] {
            expect(
                .unsupportedAddedToken(
                    token: content, option: "normalized with white space or ideographs"),
                json: Fixtures.smallTokenizerJSON
                    .replacing("\"normalized\": false", with: "\"normalized\": true")
                    .replacing("\"<m>\"", with: "\"\(content)\""))
        }
        for content in ["\u{AD}", "[unk]"] {
            expect(
                .unsupportedAddedToken(
                    token: content, option: "normalized without a form of its own"),
                json: Fixtures.smallTokenizerJSON
                    .replacing("\"normalized\": false", with: "\"normalized\": true")
                    .replacing("\"<m>\"", with: "\"\(content)\""))
        }
        expect(
            .unsupportedAddedToken(token: "[UNK]", option: "single_word"),
            replacing: "\"single_word\": false", with: "\"single_word\": true")
        expect(
            .limitExceeded(quantity: "max_input_chars_per_word", found: 1025, maximum: 1024),
            replacing: ": 100,", with: ": 1025,")
    }

    @Test("Vocabularies with wrong ids are refused")
    func wrongIDs() {
        expect(.duplicateKey(file: .tokenizer, key: "a"), replacing: "\"ab\"", with: "\"a\"")
        expect(
            .duplicateID(id: 3, first: "a", second: "ab"), replacing: "\"ab\": 5",
            with: "\"ab\": 3")
        expect(
            .missingID(id: 5, tokenCount: 6), replacing: "\"ab\": 5", with: "\"ab\": 6")
        expect(
            .wrongType(
                file: .tokenizer, name: "the id of token \"ab\"",
                expected: "a whole number from 0 on", found: "-5"),
            replacing: "\"ab\": 5", with: "\"ab\": -5")
        expect(
            .unknownTokenMissing(token: "<unk>"), replacing: "\"unk_token\": \"[UNK]\"",
            with: "\"unk_token\": \"<unk>\"")
        expect(
            .addedTokenMismatch(token: "<m>", id: 7, vocabularyID: 6), replacing: "\"id\": 6",
            with: "\"id\": 7")
        expect(
            .duplicateToken(token: "[UNK]", first: 0, second: 6), replacing: "\"<m>\"",
            with: "\"[UNK]\"")
    }

    @Test("Templates that Hugging Face could not fill are refused")
    func templates() {
        let old = "{\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 2], \"cls\": [\"[CLS]\", 1]}"
        func template(_ single: String, _ special: String = "{}") -> String {
            let pair = "[{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}]"
            return "{\"type\": \"TemplateProcessing\", \"single\": \(single), \"pair\": \(pair), "
                + "\"special_tokens\": \(special)}"
        }
        let first = "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}"
        let token = "{\"SpecialToken\": {\"id\": \"X\", \"type_id\": 0}}"
        expect(.wrongTemplate(name: "single"), replacing: old, with: template("[]"))
        expect(.wrongTemplate(name: "pair"), replacing: old, with: template("[\(first)]"))
        expect(
            .templateTokenMissing(token: "X"), replacing: old,
            with: template("[\(first), \(token)]"))
        expect(
            .templateIDMissing(token: "X", id: 7, tokenCount: 7), replacing: old,
            with: template("[\(first), \(token)]", "{\"X\": {\"ids\": [7]}}"))
        expect(
            .templateIDMissing(token: "[SEP]", id: -1, tokenCount: 7),
            replacing: "[\"[SEP]\", 2]", with: "[\"[SEP]\", -1]")
        expect(
            .missingField(file: .tokenizer, name: "post_processor.cls"), replacing: "\"cls\"",
            with: "\"c\"")
    }

    @Test("Configurations that cannot be followed are refused")
    func configurations() {
        let json = Fixtures.smallTokenizerJSON
        expect(
            .conflictingOption(name: "lower-casing", tokenizer: "true", configuration: "false"),
            json: json, configuration: "{\"do_lower_case\": false}")
        expect(
            .specialTokenMissing(name: "mask_token", token: "[MASK]"), json: json,
            configuration: "{\"mask_token\": \"[MASK]\"}")
        expect(
            .unsupportedOption(
                file: .configuration, name: "truncation_side", found: "both",
                supported: "left or right"),
            json: json, configuration: "{\"truncation_side\": \"both\"}")
        let vocabulary = "[UNK]\n[CLS]\n[SEP]\n"
        expect(
            .unsupportedClass(found: "MPNetTokenizer"), vocabulary: vocabulary,
            configuration: "{\"tokenizer_class\": \"MPNetTokenizer\"}")
        expect(
            .unsupportedOption(
                file: .configuration, name: "do_basic_tokenize", found: "false",
                supported: "true"),
            vocabulary: vocabulary, configuration: "{\"do_basic_tokenize\": false}")
        expect(
            .unsupportedOption(
                file: .configuration, name: "never_split", found: "a list of tokens",
                supported: "null"),
            vocabulary: vocabulary, configuration: "{\"never_split\": [\"a\"]}")
        expect(
            .duplicateToken(token: "[CLS]", first: 1, second: 3),
            vocabulary: vocabulary + "[CLS]\n")
        expect(.carriageReturn(line: 4), vocabulary: vocabulary + "a\rb\n")
        expect(.unknownTokenMissing(token: "[UNK]"), vocabulary: "[CLS]\n[SEP]\n")
        expect(
            .specialTokenMissing(name: "sep_token", token: "[SEP]"),
            vocabulary: "[UNK]\n[CLS]\n")
        expect(
            .specialTokenMissing(name: "additional_special_tokens", token: "x"),
            vocabulary: vocabulary, configuration: "{\"additional_special_tokens\": [\"x\"]}")
    }
}
