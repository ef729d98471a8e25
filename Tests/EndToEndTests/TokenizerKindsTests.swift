import Foundation
import Testing

/// A model runs with any kind of tokenizer: `compress` finds its file, `run-edge` reads it.
@Suite struct TokenizerKindsTests {
    private static let fixtures = "\(TinyBert.root)/Tests/EdgeTokenizerTests/Fixtures/decoders"

    /// A container of the topic classifier with another tokenizer.
    private func container(
        _ folder: TemporaryFolder, _ fixture: String, as name: String
    ) throws -> String {
        for file in ["config.json", "model.safetensors"] {
            try folder.write(
                file, Data(contentsOf: URL(filePath: "\(TopicClassifier.folder)/\(file)")))
        }
        try folder.write(name, Data(contentsOf: URL(filePath: "\(Self.fixtures)/\(fixture)")))
        try FileManager.default.createDirectory(
            atPath: folder.path + "/out", withIntermediateDirectories: true)
        let path = folder.path + "/out/model.atn"
        let run = try Program.compress.run([folder.path, "-o", path, "--preset", "float"])
        try run.expectDone()
        return path
    }

    private static func lines(_ name: String) throws -> [Any] {
        try Data(contentsOf: URL(filePath: "\(fixtures)/\(name)")).split(separator: 0x0a).map {
            try JSONSerialization.jsonObject(with: $0, options: .fragmentsAllowed)
        }
    }

    @Test(
        arguments: [
            ("gpt2.tokenizer.json", "tokenizer.json"), ("qwen2.tokenizer.json", "tokenizer.json"),
            ("nfkc.model", "tokenizer.model"),
        ])
    func tokensAreThoseOfTheReference(fixture: String, name: String) throws {
        let folder = try TemporaryFolder()
        let path = try container(folder, fixture, as: name)
        let kind = fixture.prefix { $0 != "." }
        let texts = try Self.lines("texts.jsonl")
        let ids = try Self.lines("\(kind).ids.jsonl")
        // SentencePiece's own tokenizers put the token for the beginning before a text.
        let start = name == "tokenizer.model" ? [1] : []
        for number in [0, 9, 12] {
            let text = try #require(texts[number] as? String)
            let run = try Program.runEdge.run(["tokenize", path, "--text", text])
            try run.expectDone()
            let found = JSON.numbers(try run.json()["ids"]).map { Int($0) }
            #expect(found == start + JSON.numbers(ids[number]).map { Int($0) })
        }
    }

    @Test func anUnknownPipelineIsRefusedByName() throws {
        let folder = try TemporaryFolder()
        for file in ["config.json", "model.safetensors"] {
            try folder.write(
                file, Data(contentsOf: URL(filePath: "\(TopicClassifier.folder)/\(file)")))
        }
        let text = try String(
            contentsOfFile: "\(Self.fixtures)/llama3.tokenizer.json", encoding: .utf8)
        try folder.write("tokenizer.json", text.replacing("{1,3}", with: "{1,4}").utf8)
        let run = try Program.compress.run([folder.path, "-o", folder.path + "/model.atn"])
        run.expectRefusal(3, naming: ["splits text by the unknown expression"])
    }
}
