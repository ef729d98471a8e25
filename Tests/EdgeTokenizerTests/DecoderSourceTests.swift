import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("A tokenizer with byte-pair encoding is packed exactly or refused")
struct DecoderSourceTests {
    private func expect(
        _ error: TokenizerSourceError, replacing old: String, with new: String,
        pieces: Bool = false, _ location: SourceLocation = #_sourceLocation
    ) {
        let text = pieces ? SmallTokenizers.piecesJSON : SmallTokenizers.bytesJSON
        #expect(text.contains(old), sourceLocation: location)
        #expect(throws: error, sourceLocation: location) {
            try pieces
                ? SmallTokenizers.pieces { $0 = $0.replacing(old, with: new) }
                : SmallTokenizers.bytes { $0 = $0.replacing(old, with: new) }
        }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    @Test("The small tokenizers are packed, twice with the same bytes")
    func small() throws {
        #expect(try SmallTokenizers.bytes().makeBlob() == SmallTokenizers.bytes().makeBlob())
        let bytes = try Tokenizer(SmallTokenizers.bytes().makeBlob())
        #expect(bytes.encode(Array("aaa ab".utf8)).ids == [8, 4, 0, 3, 5])
        #expect(bytes.encodeWithoutSpecialTokens(Array("aaaa  <m> 1".utf8)) == [6, 8, 2])
        #expect(bytes.encodeWithoutSpecialTokens(Array("<e\u{301}>a".utf8)) == [9, 0])
        #expect(bytes.tokenBytes(7) == [0xEA] && bytes.tokenBytes(3) == [0x20])
        let pieces = try Tokenizer(SmallTokenizers.pieces().makeBlob())
        #expect(pieces.encodeWithoutSpecialTokens(Array("aaaa".utf8)) == [3, 6])
        #expect(pieces.encodeWithoutSpecialTokens(Array("xy b".utf8)) == [3, 0, 3, 2])
        // A normalized token is sought with U+2581 before it.
        #expect(pieces.encodeWithoutSpecialTokens(Array("<m>b".utf8)) == [8, 2])
        #expect(pieces.encodeWithoutSpecialTokens(Array("b<m>".utf8)) == [3, 2, 0])
        let own = try Tokenizer(SmallTokenizers.sentencePiece().makeBlob())
        #expect(own.encode(Array(" Ab  <u>aa ".utf8)).ids == [1, 8, 5, 6, 3, 9])
        #expect(own.beginningID == 1 && own.endID == 2 && own.paddingID == nil)
    }

    @Test("Pipelines that are not known are refused by name")
    func pipelines() {
        expect(.unsupportedNormalizer(found: "NFD"), replacing: "\"NFC\"", with: "\"NFD\"")
        // One digit more than in Llama 3.
        let text = SmallTokenizers.bytesJSON.replacing("\\\\p{N}|", with: "\\\\p{N}{1,4}|")
        #expect(text != SmallTokenizers.bytesJSON)
        let error = #expect(throws: TokenizerSourceError.self) {
            try SmallTokenizers.bytes { $0 = text }
        }
        guard case .unsupportedExpression(let found) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found.contains("|\\p{N}{1,4}|"))
    }

    @Test("Splitting, decoding and post-processing are compared step by step")
    func steps() {
        expect(
            .unsupportedPreTokenizer(found: "Split with the behavior Removed"),
            replacing: "\"Isolated\"", with: "\"Removed\"")
        expect(
            .unsupportedPreTokenizer(found: "Sequence[Split, ByteLevel]"),
            replacing: "\"use_regex\": false", with: "\"use_regex\": true")
        expect(
            .unsupportedPreTokenizer(found: "Sequence[Split, ByteLevel]"),
            replacing: "\"add_prefix_space\": false", with: "\"add_prefix_space\": true")
        expect(
            .unsupportedDecoder(found: "Metaspace"),
            replacing: "\"decoder\": {\"type\": \"ByteLevel\"}",
            with: "\"decoder\": {\"type\": \"Metaspace\"}")
        expect(
            .unsupportedDecoder(found: "null"), replacing: "\"decoder\": {\"type\": \"ByteLevel\"}",
            with: "\"decoder\": null")
        expect(
            .unsupportedPostProcessor(found: "Sequence[BertProcessing, TemplateProcessing]"),
            replacing: "{\"type\": \"ByteLevel\"},\n{\"type\": \"TemplateProcessing\"",
            with: "{\"type\": \"BertProcessing\", \"sep\": [\"a\", 0], \"cls\": [\"a\", 0]},\n"
                + "{\"type\": \"TemplateProcessing\"")
        expect(
            .unsupportedNormalizer(found: "Sequence[Prepend, Replace]"),
            replacing: "\"prepend\": \"▁\"",
            with: "\"prepend\": \"_\"", pieces: true)
        expect(
            .unsupportedPreTokenizer(found: "Whitespace"), replacing: "\"pre_tokenizer\": null",
            with: "\"pre_tokenizer\": {\"type\": \"Whitespace\"}", pieces: true)
        expect(
            .unsupportedDecoder(found: "Sequence[Replace, ByteFallback, Fuse, Strip]"),
            replacing: "\"start\": 1", with: "\"start\": 2", pieces: true)
    }

    @Test("Models that Hugging Face would not load or that need more than merges are refused")
    func models() {
        expect(
            .mergeMissing(rank: 1, left: "a", right: "1"), replacing: "\"a b\"", with: "\"a 1\"")
        expect(
            .wrongType(
                file: .tokenizer, name: "model.merges 1", expected: "two tokens",
                found: "a string"),
            replacing: "\"a b\"", with: "\"a  b\"")
        expect(
            .missingField(file: .tokenizer, name: "model.merges"), replacing: "\"merges\"",
            with: "\"m\"")
        expect(
            .unsupportedOption(
                file: .tokenizer, name: "model.continuing_subword_prefix", found: "a string",
                supported: "null"),
            replacing: "\"continuing_subword_prefix\": null",
            with: "\"continuing_subword_prefix\": \"##\"")
        expect(
            .unknownTokenMissing(token: "?"), replacing: "\"unk_token\": null",
            with: "\"unk_token\": \"?\"")
        expect(.tokenWithoutBytes(token: "ab 中"), replacing: "\"aaaa\"", with: "\"ab 中\"")
        expect(
            .unsupportedOption(
                file: .tokenizer, name: "model.byte_fallback",
                found: "true with tokens for 1 bytes",
                supported: "all 256 or none"),
            replacing: "\"aaaa\"", with: "\"<0x0A>\"", pieces: true)
        expect(
            .unsupportedAddedToken(token: "<e\u{301}>", option: "normalized with another form"),
            replacing: "\"<é>\"", with: "\"<e\u{301}>\"")
        expect(
            .unsupportedAddedToken(token: "x", option: "normalized as a single character"),
            replacing: "\"<m>\"", with: "\"x\"", pieces: true)
    }

    @Test("The configuration names tokens and what stands around a text")
    func configuration() throws {
        let configuration = """
            {"tokenizer_class": "LlamaTokenizer", "bos_token": {"content": "<s>"},
            "eos_token": "</s>", "pad_token": "<unk>", "add_eos_token": true}
            """
        let source = try DecoderFixtures.source("llama2", configuration: configuration)
        let tokenizer = try Tokenizer(source.makeBlob())
        #expect(tokenizer.beginningID == 1 && tokenizer.endID == 2 && tokenizer.paddingID == 0)
        #expect(
            source.single == [
                .token(id: 1, typeID: 0), .first(typeID: 0), .token(id: 2, typeID: 0),
            ])
        // tokenizer.json of GPT-2 has no tokens around texts; its class does not put any there.
        for (text, count) in [("", 1), (", \"add_bos_token\": true", 2)] {
            let source = try DecoderFixtures.source(
                "gpt2", configuration: "{\"bos_token\": \"<|endoftext|>\"\(text)}")
            #expect(source.single.count == count)
        }
        #expect(throws: TokenizerSourceError.missingField(file: .configuration, name: "bos_token"))
        {
            try DecoderFixtures.source("gpt2", configuration: "{\"add_bos_token\": true}")
        }
        #expect(throws: TokenizerSourceError.specialTokenMissing(name: "eos_token", token: "<e>")) {
            try DecoderFixtures.source("gpt2", configuration: "{\"eos_token\": \"<e>\"}")
        }
        #expect(
            throws: TokenizerSourceError.conflictingOption(
                name: "add_prefix_space", tokenizer: "false", configuration: "true")
        ) {
            try DecoderFixtures.source("gpt2", configuration: "{\"add_prefix_space\": true}")
        }
        let bare = try DecoderFixtures.source(
            "identity", configuration: "{\"add_bos_token\": false}")
        #expect(bare.single == [.first(typeID: 0)])
        #expect(
            throws: TokenizerSourceError.specialTokenMissing(
                name: "added_tokens_decoder", token: "<new>")
        ) {
            try DecoderFixtures.source(
                "identity",
                configuration: "{\"added_tokens_decoder\": {\"1000\": {\"content\": \"<new>\"}}}")
        }
    }

    @Test("No token of byte-pair encoding is left out")
    func trimming() throws {
        let source = try SmallTokenizers.bytes()
        #expect(source.requiredTokens == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(source.keeping([1]).makeBlob() == source.makeBlob())
    }

    // MARK: SentencePiece

    private func expectModel(
        _ error: TokenizerSourceError, pieces: [[UInt8]] = SmallTokenizers.pieceMessages,
        trainer: [UInt8] = [3 << 3, 2], normalizer: [UInt8]? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: location) {
            try SmallTokenizers.sentencePiece(
                pieces: pieces, trainer: trainer, normalizer: normalizer)
        }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    @Test("SentencePiece models with other rules are refused by name")
    func sentencePiece() {
        func option(_ name: String, _ found: String, _ supported: String) -> TokenizerSourceError {
            .unsupportedOption(
                file: .sentencePiece, name: name, found: found, supported: supported)
        }
        expectModel(option("model_type", "Unigram", "BPE"), trainer: [])
        expectModel(option("model_type", "characters", "BPE"), trainer: [3 << 3, 4])
        expectModel(
            option("treat_whitespace_as_suffix", "true", "false"),
            trainer: [3 << 3, 2, 0xC0, 1, 1])
        expectModel(option("escape_whitespaces", "false", "true"), normalizer: [5 << 3, 0])
        expectModel(
            option("byte_fallback", "true with 0 pieces for bytes", "true with all 256"),
            trainer: [3 << 3, 2, 0x98, 2, 1])
        expectModel(
            option("precompiled_charsmap", "5 bytes", "a trie and texts in UTF-8"),
            normalizer: [2 << 3 | 2, 5, 4, 0, 0, 0, 0])
        expectModel(
            option("precompiled_charsmap", "9 bytes", "a trie and texts in UTF-8"),
            normalizer: [2 << 3 | 2, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0x61])
    }

    @Test("Pieces that cannot be cut as SentencePiece does are refused")
    func pieces() {
        let pieces = SmallTokenizers.pieceMessages
        func added(_ text: String, _ type: UInt8, _ score: Float = -3) -> [[UInt8]] {
            pieces + [SmallTokenizers.piece(text, score, type)]
        }
        expectModel(.duplicateToken(token: "a", first: 4, second: 10), pieces: added("a", 1))
        expectModel(
            .unsupportedPiece(piece: "x", reason: "which is unused; that is not supported"),
            pieces: added("x", 5))
        expectModel(
            .unsupportedPiece(piece: "x", reason: "a character with another meaning"),
            pieces: added("x", 3))
        expectModel(
            .unsupportedPiece(piece: "<x>", reason: "a second unknown one"), pieces: added("<x>", 2)
        )
        expectModel(
            .unsupportedPiece(piece: "ac", reason: "of which a character is no piece"),
            pieces: added("ac", 1))
        expectModel(
            .unsupportedPiece(piece: "c", reason: "whose score is no number"),
            pieces: added("c", 1, .nan))
        expectModel(
            .missingField(file: .sentencePiece, name: "piece for unknown characters"),
            pieces: Array(pieces.dropFirst()))
    }

    @Test("A damaged SentencePiece model gives an error or a tokenizer")
    func damaged() throws {
        let file = [UInt8](
            (SmallTokenizers.pieceMessages + [SmallTokenizers.message(2, [3 << 3, 2])]).joined())
        func source(_ bytes: [UInt8]) throws -> TokenizerSource {
            try TokenizerSource(
                tokenizerJSON: nil, vocabularyText: nil, sentencePieceModel: bytes,
                tokenizerConfigJSON: nil)
        }
        #expect(throws: TokenizerSourceError.invalidMessage(offset: 0)) {
            try source([0x0A, 0x05, 1])
        }
        #expect(throws: TokenizerSourceError.invalidMessage(offset: 0)) { try source([0x0B]) }
        #expect(throws: TokenizerSourceError.invalidMessage(offset: 0)) {
            try source([UInt8](repeating: 0xFF, count: 11))
        }
        for count in 0..<file.count { _ = try? source([UInt8](file[..<count])) }
        for bit in 0..<file.count * 8 {
            var changed = file
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let source = try? source(changed) else { continue }
            _ = try Tokenizer(source.makeBlob()).encode(Array(" a b ab\u{E9}<u>".utf8))
        }
    }
}
