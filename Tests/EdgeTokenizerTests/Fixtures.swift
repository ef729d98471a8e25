import Checkpoints
import Foundation
import Testing

@testable import EdgeTokenizer
@testable import Packaging

/// The files that `tools/make_tokenizer_cases.py` writes, and tokenizers for them.
enum Fixtures {
    static let vocabularyText = load("bert-base-uncased-vocab.txt")

    static let bertSource = Result {
        try TokenizerSource(
            tokenizerJSON: nil, vocabularyText: vocabularyText, tokenizerConfigJSON: nil)
    }

    static func load(_ name: String) -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures")
        guard let data = try? Data(contentsOf: folder.appending(path: name)) else {
            Issue.record("there is no fixture \(name)")
            return []
        }
        return [UInt8](data)
    }

    /// The values of a file of JSON lines.
    static func lines(_ name: String) throws -> [JSONValue] {
        try load(name).split(separator: 0x0A).map {
            try JSONValue(parsing: [UInt8]($0))
        }
    }

    /// A tokenizer with the BERT vocabulary and the options of a case.
    static func tokenizer(_ options: JSONValue) throws -> Tokenizer {
        var source = try bertSource.get()
        source.normalization.cleansText = options["clean_text"] == .bool(true)
        source.normalization.separatesIdeographs =
            options["handle_chinese_chars"] == .bool(true)
        source.normalization.lowercases = options["lowercase"] == .bool(true)
        source.normalization.stripsAccents =
            options["strip_accents"]?.bool ?? source.normalization.lowercases
        return try Tokenizer(source.makeBlob())
    }

    /// The small tokenizer of hostile tests.
    static func smallSource(_ edit: (inout String) -> Void = { _ in }) throws -> TokenizerSource {
        var text = smallTokenizerJSON
        edit(&text)
        return try TokenizerSource(
            tokenizerJSON: Array(text.utf8), vocabularyText: nil, tokenizerConfigJSON: nil)
    }

    static let smallTokenizerJSON = """
        {"version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [
        {"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true},
        {"id": 6, "content": "<m>", "single_word": false, "lstrip": true, "rstrip": true,
        "normalized": false, "special": true}],
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
        "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4, "ab": 5}}}
        """
}

extension JSONValue {
    /// The UTF-8 bytes of a string.
    var bytes: [UInt8] { Array((string ?? "").utf8) }

    var elements: [JSONValue] { array ?? [] }

    var ids: [Int32] { elements.compactMap { $0.integer.map { Int32($0) } } }

    /// The bytes that a string's hexadecimal digits name.
    var hexBytes: [UInt8] {
        let digits = bytes.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
