import Foundation
import Testing

/// Texts that the programs make longer.
@Suite struct TextGenerationTests {
    private static let decoders = "\(TinyBert.root)/Tests/Fixtures/tiny-decoders"
    private static let tokenizers = "\(TinyBert.root)/Tests/EdgeTokenizerTests/Fixtures/decoders"

    /// A container of a committed decoder with the prompt and what PyTorch adds to it.
    private func decoder(
        _ name: String, _ preset: String
    ) throws -> (path: String, prompt: [Int], ids: [Int]) {
        let folder = "\(Self.decoders)/\(name)"
        let data = try Data(contentsOf: URL(filePath: "\(folder)/reference.json"))
        let greedy = try #require(try JSON.object(data)["greedy"] as? [String: Any])
        return (
            try CompressedModels.path(of: folder, name: "decoder-\(name)", preset: preset),
            JSON.numbers(greedy["prompt"]).map { Int($0) },
            JSON.numbers(greedy["ids"]).map { Int($0) }
        )
    }

    /// The tokens that end a text of a committed decoder.
    private func endTokens(_ name: String) throws -> [Int] {
        for file in ["generation_config.json", "config.json"] {
            let path = "\(Self.decoders)/\(name)/\(file)"
            guard let data = FileManager.default.contents(atPath: path) else { continue }
            let value = try JSON.object(data)["eos_token_id"]
            if let token = value as? Int { return [token] }
            if let tokens = value as? [Int] { return tokens }
        }
        return []
    }

    private func list(_ ids: [Int]) -> String {
        ids.map(String.init).joined(separator: ",")
    }

    /// GPT-2's small twin with as many tokens as a tokenizer of the tests has.
    private func speakingDecoder() throws -> String {
        let folder = try TemporaryFolder()
        let source = "\(Self.decoders)/gpt2"
        let tokenizer = try Data(
            contentsOf: URL(filePath: "\(Self.tokenizers)/gpt2.tokenizer.json"))
        let json = try JSON.object(tokenizer)
        let model = try #require(json["model"] as? [String: Any])
        let added = try #require(json["added_tokens"] as? [[String: Any]])
        let ids = try #require(model["vocab"] as? [String: Int]).values
        let size = (Array(ids) + added.compactMap { $0["id"] as? Int }).reduce(0, max) + 1
        var configuration = try JSON.object(
            Data(contentsOf: URL(filePath: "\(source)/config.json")))
        configuration["vocab_size"] = size
        try folder.write(
            "config.json", JSONSerialization.data(withJSONObject: configuration))
        try folder.write("tokenizer.json", tokenizer)
        var parts = try SafetensorsParts(
            Array(Data(contentsOf: URL(filePath: "\(source)/model.safetensors"))))
        let name = "transformer.wte.weight"
        let old = try #require(parts.entries[name])
        let rows = Array(parts.data[old.offsets[0]..<old.offsets[1]])
        // The rows of the small vocabulary again and again, so no token is alone with its score.
        let begin = parts.data.count
        let rowBytes = rows.count / old.shape[0]
        for row in 0..<size {
            let start = row * 37 % old.shape[0] * rowBytes
            parts.data += rows[start..<start + rowBytes]
        }
        try parts.edit(name) {
            $0.shape[0] = size
            $0.offsets = [begin, begin + size * rowBytes]
        }
        // The old rows stay as a tensor that nothing reads.
        parts.entries["old"] = old
        try folder.write("model.safetensors", parts.bytes())
        return try CompressedModels.path(of: folder.path, name: "speaking", preset: "int8")
    }

    @Test(arguments: ["llama", "qwen3", "gemma", "gpt2"])
    func greedyTextsAreThoseOfPyTorch(name: String) throws {
        let (path, prompt, ids) = try decoder(name, "float")
        for threads in ["1", "2"] {
            let run = try Program.runEdge.run([
                path, "--ids", list(prompt), "--max-tokens", "64", "--threads", threads, "--json",
            ])
            try run.expectDone()
            let json = try run.json()
            let end = try endTokens(name)
            let expected = Array(ids.prefix { !end.contains($0) })
            #expect(JSON.numbers(json["ids"]).map { Int($0) } == expected)
            let reason = expected.count < ids.count ? "end token" : "length"
            #expect(json["end"] as? String == reason && json["text"] == nil)
        }
    }

    @Test func linesAreGeneratedTogetherWithTheBitsOfEachAlone() throws {
        let (path, _, _) = try decoder("llama", "int8")
        let prompts = (0..<40).map { line in (0...line % 11).map { ($0 * 7 + line) % 96 } }
        let lines = prompts.map { "{\"ids\":\($0)}\n" }.joined()
        let options = ["--max-tokens", "12"]
        let together = try Program.runEdge.run(
            [path, "--input", "-"] + options, input: Array((lines + "{\"ids\":[]}\n").utf8))
        #expect(together.end == .exited(1))
        try #require(together.lines.count == 41)
        #expect(together.lines[40].contains("has no tokens"))
        for number in [0, 13, 39] {
            let alone = try Program.runEdge.run(
                [path, "--ids", list(prompts[number]), "--json"] + options)
            try alone.expectDone()
            #expect(alone.outputText == together.lines[number] + "\n")
        }
    }

    @Test func everyInstructionSetDrawsTheSameTokens() throws {
        let (path, prompt, _) = try decoder("mistral", "int8")
        var expected: String?
        let sets = try Program.runEdge.run(["isa", "--json"]).json()["instruction_sets"]
        let supported = try #require(sets as? [[String: Any]]).filter {
            $0["supported"] as? Bool == true
        }
        for set in try supported.map({ try #require($0["name"] as? String) }) {
            let run = try Program.runEdge.run([
                path, "--ids", list(prompt), "--max-tokens", "40", "--temperature", "0.9",
                "--top-k", "50", "--top-p", "0.95", "--repetition-penalty", "1.1", "--seed", "7",
                "--isa", set, "--json",
            ])
            try run.expectDone()
            #expect(run.outputText == expected ?? run.outputText)
            expected = run.outputText
        }
        let other = try Program.runEdge.run([
            path, "--ids", list(prompt), "--max-tokens", "40", "--temperature", "0.9", "--seed",
            "8", "--json",
        ])
        #expect(other.outputText != expected)
    }

    @Test func textIsWhatItsTokensSayAndEndsAtAStop() throws {
        let path = try speakingDecoder()
        let run = try Program.runEdge.run(
            [path, "--text", "Hello there", "--max-tokens", "30", "--json"])
        try run.expectDone()
        let json = try run.json()
        let ids = JSON.numbers(json["ids"]).map { Int($0) }
        let text = try #require(json["text"] as? String)
        #expect(ids.count == 30)
        #expect(text == (try byteLevelText(ids)))
        // Plain output is the text itself.
        let plain = try Program.runEdge.run(
            [path, "--text", "Hello there", "--max-tokens", "30"])
        #expect(plain.outputText == text + "\n")

        let stop = String(text.dropFirst(text.count / 2).prefix(3))
        let place = try #require(text.range(of: stop))
        let stopped = try Program.runEdge.run([
            path, "--text", "Hello there", "--max-tokens", "30", "--json", "--stop", stop,
        ])
        try stopped.expectDone()
        #expect(try stopped.json()["text"] as? String == String(text[..<place.lowerBound]))
        #expect(try stopped.json()["end"] as? String == "stop")
    }

    /// What a byte-level tokenizer says of ids, by its own file.
    private func byteLevelText(_ ids: [Int]) throws -> String {
        let data = try Data(contentsOf: URL(filePath: "\(Self.tokenizers)/gpt2.tokenizer.json"))
        let model = try #require(try JSON.object(data)["model"] as? [String: Any])
        let vocabulary = try #require(model["vocab"] as? [String: Int])
        let tokens = Dictionary(uniqueKeysWithValues: vocabulary.map { ($0.value, $0.key) })
        // Bytes that print stand for themselves, the others for U+0100 and the following.
        var byteOf: [Unicode.Scalar: UInt8] = [:]
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            if (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae {
                byteOf[Unicode.Scalar(byte)] = byte
            } else {
                byteOf[try #require(Unicode.Scalar(next))] = byte
                next += 1
            }
        }
        var bytes: [UInt8] = []
        // An added token says nothing.
        for id in ids {
            for scalar in (tokens[id] ?? "").unicodeScalars {
                bytes.append(try #require(byteOf[scalar]))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func wrongPromptsAreRefusedInOneLine() throws {
        let (path, _, _) = try decoder("gpt2", "int8")
        for (arguments, word) in [
            (["--ids", list([Int](repeating: 1, count: 129))], "129 tokens"),
            (["--ids", "96"], "outside the vocabulary of 96"),
            (["--text", "Hello"], "no tokenizer"),
        ] {
            try Program.runEdge.run([path] + arguments).expectRefusal(1, naming: [word])
        }
        for task in ["embed", "classify"] {
            try Program.runEdge.run([path, "--ids", "1", "--task", task])
                .expectRefusal(2, naming: ["made for the task 'generate'", "'\(task)'"])
        }
        let bert = try CompressedModels.path(of: .plain, preset: "int8")
        try Program.runEdge.run([bert, "--ids", "1", "--task", "generate"])
            .expectRefusal(2, naming: ["cannot do 'generate'"])
        // All logits of the prompt are there too.
        let raw = try Program.runEdge.run([path, "--ids", "1,2,3", "--task", "raw", "--json"])
        try raw.expectDone()
        #expect(JSON.numbers(try raw.json()["shape"]).map { Int($0) } == [3, 96])
    }

    @Test func theBenchmarkTimesPromptsAndTokens() throws {
        let (path, _, _) = try decoder("llama", "int8")
        let run = try Program.runEdge.run(
            ["bench", path, "--lengths", "20", "--seconds", "0", "--json"])
        try run.expectDone()
        let generation = try #require(try run.json()["generation"] as? [String: Any])
        #expect(generation["context"] as? Int == 20)
        #expect((generation["tokens_per_second"] as? Double ?? 0) > 0)
    }
}
