import Checkpoints
import Foundation
import Testing

@testable import EdgeTokenizer
@testable import Packaging

/// The files that `tools/make_decoder_tokenizer_cases.py` writes, and tokenizers for them.
enum DecoderFixtures {
    static let files = [
        "gpt2", "roberta", "llama3", "qwen2", "smollm", "llama2", "mistral", "gemma",
    ]
    static let models = ["identity", "nfkc", "symbols", "unknown"]

    static let texts = Result { try Fixtures.lines("decoders/texts.jsonl").map(\.bytes) }

    static func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer(source(name).makeBlob())
    }

    /// The tokenizer of NAME.tokenizer.json, or of NAME.model.
    static func source(_ name: String, configuration: String? = nil) throws -> TokenizerSource {
        let isModel = models.contains(name)
        let bytes = Fixtures.load("decoders/\(name).\(isModel ? "model" : "tokenizer.json")")
        return try TokenizerSource(
            tokenizerJSON: isModel ? nil : bytes, vocabularyText: nil,
            sentencePieceModel: isModel ? bytes : nil,
            tokenizerConfigJSON: configuration.map { Array($0.utf8) })
    }

    /// A text of a decoder that is given the ids one by one; each part has to be whole characters.
    static func decode(
        _ tokenizer: Tokenizer, _ ids: [Int32], skipsSpecialTokens: Bool = false
    ) throws -> [UInt8] {
        var decoder = try #require(
            TokenDecoder(tokenizer, skipsSpecialTokens: skipsSpecialTokens))
        var text: [UInt8] = []
        for id in ids {
            let part = decoder.append(id)
            if UTF8Text.firstError(part) != nil { Issue.record("\(part) is not whole") }
            text += part
        }
        return text + decoder.finish()
    }
}

/// FNV-1a with 64 bits.
struct Digest {
    private var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    mutating func add(_ id: Int32) {
        for shift in [0, 8, 16, 24] { add([UInt8(truncatingIfNeeded: id >> shift)]) }
    }

    var hexadecimal: [UInt8] {
        let digits = Array(String(value, radix: 16).utf8)
        return [UInt8](repeating: 0x30, count: 16 - digits.count) + digits
    }
}
