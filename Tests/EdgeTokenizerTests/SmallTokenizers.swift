@testable import EdgeTokenizer
@testable import Packaging

/// Tokenizers with byte-pair encoding that are small enough to change every bit of them.
enum SmallTokenizers {
    /// Bytes: a, b, 1, space; aa, ab, aaaa, which only a whole word is, and added tokens.
    static func bytes(_ edit: (inout String) -> Void = { _ in }) throws -> TokenizerSource {
        try source(bytesJSON, edit)
    }

    /// Pieces: the same with U+2581, `<unk>`, and a normalized token.
    static func pieces(_ edit: (inout String) -> Void = { _ in }) throws -> TokenizerSource {
        try source(piecesJSON, edit)
    }

    private static func source(
        _ text: String, _ edit: (inout String) -> Void
    ) throws -> TokenizerSource {
        var text = text
        edit(&text)
        return try TokenizerSource(
            tokenizerJSON: Array(text.utf8), vocabularyText: nil, tokenizerConfigJSON: nil)
    }

    static let bytesJSON = #"""
        {"version": "1.0", "added_tokens": [
        {"id": 8, "content": "<m>", "single_word": false, "lstrip": true, "rstrip": true,
        "normalized": false, "special": true},
        {"id": 9, "content": "<é>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": true, "special": false}],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex":
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
        "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
        "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"},
        {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<m>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<m>": {"id": "<m>", "ids": [8], "tokens": ["<m>"]}}}]},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
        "vocab": {"a": 0, "b": 1, "1": 2, "Ġ": 3, "aa": 4, "ab": 5, "aaaa": 6, "ê": 7},
        "merges": [["a", "a"], "a b"]}}
        """#

    static let piecesJSON = #"""
        {"version": "1.0", "added_tokens": [
        {"id": 0, "content": "<unk>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true},
        {"id": 8, "content": "<m>", "single_word": false, "lstrip": true, "rstrip": true,
        "normalized": true, "special": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
        "vocab": {"<unk>": 0, "a": 1, "b": 2, "▁": 3, "aa": 4, "ab": 5, "aaaa": 6, "▁a": 7},
        "merges": ["aa aa", "a a", "a b", "▁ a"]}}
        """#

    /// The fields of a message of Protocol Buffers, written by hand.
    static func message(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(bytes.count)] + bytes
    }

    /// The same for up to 16,383 bytes.
    static func longMessage(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(0x80 | bytes.count & 0x7F), UInt8(bytes.count >> 7)] + bytes
    }

    static func piece(_ text: String, _ score: Float, _ type: UInt8) -> [UInt8] {
        var bytes = message(1, Array(text.utf8)) + [2 << 3 | 5]
        for shift in [0, 8, 16, 24] {
            bytes.append(UInt8(truncatingIfNeeded: score.bitPattern >> UInt32(shift)))
        }
        return message(1, bytes + [3 << 3, type])
    }

    /// A map with a trie of one rule: A becomes a.
    static let characterMap: [UInt8] = {
        // The root's children are at their labels: A at 0x41, whose leaf is at 0x41 xor 0x40.
        var units = [UInt32](repeating: 0, count: 0x42)
        units[0x41] = 0x40 << 10 | 1 << 8 | 0x41
        units[0x01] = 1 << 31
        return BlobEditor.words([UInt32(units.count * 4)]) + BlobEditor.words(units) + [0x61, 0]
    }()

    static let pieceMessages: [[UInt8]] = [
        piece("<unk>", 0, 2), piece("<s>", 0, 3), piece("</s>", 0, 3), piece("<u>", 0, 4),
        piece("a", -1, 1), piece("b", -1, 1), piece("▁", -1, 1), piece("ab", -2, 1),
        piece("▁a", -1.5, 1), piece("aa", -2, 1),
    ]

    /// SentencePiece's own, with a user-defined symbol.
    static func sentencePiece(
        pieces: [[UInt8]] = pieceMessages, trainer: [UInt8] = [3 << 3, 2],
        normalizer: [UInt8]? = nil,
        configuration: String? = nil
    ) throws -> TokenizerSource {
        let options = normalizer ?? longMessage(2, characterMap)
        let file = pieces.joined() + message(2, trainer) + longMessage(3, options)
        return try TokenizerSource(
            tokenizerJSON: nil, vocabularyText: nil, sentencePieceModel: [UInt8](file),
            tokenizerConfigJSON: configuration.map { Array($0.utf8) })
    }

    /// Everything is kept, é and Hangul are decomposed, U+0301 and U+0323 have classes.
    static let decomposition: [UInt8] = {
        let ranges: [UInt32] = [
            0, 0, 0xE9, 6, 0xEA, 0, 0x301, 6 | 1 << 8, 0x302, 0, 0x323, 6 | 2 << 8, 0x324, 0,
            0xAC00, 7, 0xD7A4, 0,
        ]
        let entries: [UInt32] = [1 << 23 | 2 << 24, 0x301 | 230 << 24, 0x323 | 220 << 24]
        return BlobEditor.words([9, 3, 2] + ranges + entries + [0x65, 0x301 | 230 << 24])
    }()

    /// Rule 3 with the classes of a few characters.
    static let splitting: [UInt8] = {
        let (letter, number, space): (UInt32, UInt32, UInt32) = (1 << 24, 6 << 24, 3 << 24)
        let ranges: [UInt32] = [
            0, 0x09 | space, 0x0E, 0x20 | space, 0x21, 0x30 | number, 0x3A, 0x41 | letter, 0x5B,
            0x61 | letter, 0x7B, 0xC0 | letter, 0x2000, 0xAC00 | letter, 0xD7A4,
        ]
        return [3, 0, 0, 0] + BlobEditor.words([UInt32(ranges.count)] + ranges)
    }()

    static let composition = BlobEditor.words([2, 0x65, 0x65, 0x301, 0x323, 0xE9, 0x1EB9])
}
