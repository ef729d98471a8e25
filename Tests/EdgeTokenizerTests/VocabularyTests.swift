import Checkpoints
import Foundation
import Testing

@testable import EdgeTokenizer
@testable import Packaging

/// Real vocabularies, which `tools/fetch-vocabularies` makes.
enum Vocabularies {
    static let folder = ProcessInfo.processInfo.environment["ATTENUATE_VOCABULARIES"]

    static func load(_ name: String) throws -> [UInt8] {
        let path = "\(try #require(folder))/\(name)"
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

@Suite(
    "Real vocabularies give the ids of Hugging Face, as llama.cpp's authors noted them",
    .enabled(
        if: Vocabularies.folder != nil,
        "needs the vocabularies that tools/test --models fetches"))
struct VocabularyTests {
    /// A name and how many bytes the blob may have.
    @Test(
        arguments: [
            ("gpt-2", 1_300_000), ("gpt-neox", 1_500_000), ("llama-bpe", 6_000_000),
            ("qwen2", 5_000_000), ("starcoder", 1_500_000), ("llama-spm", 1_300_000),
            ("phi-3", 1_300_000), ("gemma-4", 10_000_000),
        ])
    func file(name: String, byteLimit: Int) throws {
        let blob = try TokenizerSource(
            tokenizerJSON: Vocabularies.load("\(name)/tokenizer.json"), vocabularyText: nil,
            tokenizerConfigJSON: nil
        ).makeBlob()
        #expect(blob.count < byteLimit)
        try expectIDs(Tokenizer(blob), "\(name)/expected.jsonl")
    }

    @Test func sentencePieceModel() throws {
        let blob = try TokenizerSource(
            tokenizerJSON: nil, vocabularyText: nil,
            sentencePieceModel: Vocabularies.load("llama-spm/tokenizer.model"),
            tokenizerConfigJSON: nil
        ).makeBlob()
        try expectIDs(Tokenizer(blob), "llama-spm/expected-model.jsonl")
    }

    private func expectIDs(_ tokenizer: Tokenizer, _ file: String) throws {
        let lines = try Vocabularies.load(file).split(separator: 0x0A)
        #expect(lines.count > 2000)
        for (index, line) in lines.enumerated() {
            let pair = try JSONValue(parsing: [UInt8](line)).elements
            let ids = tokenizer.encodeWithoutSpecialTokens(pair[0].bytes)
            #expect(ids == pair[1].ids, "\(file), line \(index + 1)")
        }
    }
}
