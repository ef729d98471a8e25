import Checkpoints
import EdgeFormat
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import EdgeRuntime
@testable import ModelCompression
@testable import Packaging

/// A committed decoder, compressed, with what PyTorch answers.
struct CompressedDecoder {
    static let names = [
        "llama", "llama-biases", "llama-linear", "llama-dynamic", "llama-llama3", "llama-yarn",
        "llama-yarn-mscale", "llama-longrope", "smollm", "mistral", "qwen2", "qwen3", "smollm3",
        "phi3", "gemma", "gemma2", "gemma3", "gpt2", "gpt2-variant",
    ]

    /// With what the recipe made of its weights.
    let model: Model
    let container: Container
    let vocabularySize: Int
    /// Prompts, tokens after which the logits are known, and these.
    let prompts: [(ids: [Int32], rows: [Int], logits: [Float])]
    let greedy: (prompt: [Int32], ids: [Int32])

    private let folder: TemporaryFolder

    init(_ name: String, _ recipe: Recipe = .float) throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-decoders/\(name)")
            .path
        let checkpoint = try Checkpoint(path: path)
        let compressed = try recipe.apply(to: Model(checkpoint: checkpoint).keepingAnswers())
        model = compressed.model
        folder = try TemporaryFolder()
        let file = "\(folder.path)/model.atn"
        let lowered = try LoweredModel(compressed, tokenizer: nil)
        _ = try ContainerWriter(lowered).write(to: file)
        container = try Container(path: Array(file.utf8))

        let json = try #require(try checkpoint.json(named: "reference.json"))
        func ids(_ json: JSONValue?) throws -> [Int32] {
            try #require(json?.array).map { Int32(try #require($0.integer)) }
        }
        vocabularySize = try #require(json["vocabulary"]?.integer)
        prompts = try #require(json["prompts"]?.array).map { prompt in
            let data = try #require(Data(base64Encoded: prompt["logits"]?.string ?? ""))
            let logits = data.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map {
                    bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
                }
            }
            return (try ids(prompt["ids"]), try ids(prompt["rows"]).map { Int($0) }, logits)
        }
        greedy = (try ids(json["greedy"]?["prompt"]), try ids(json["greedy"]?["ids"]))
    }

    func session(_ set: InstructionSet = .fastest, threads: Int = 1) throws -> Session {
        try Session(
            container, options: SessionOptions(instructionSet: set, threadCount: threads))
    }
}

/// Decoders on the device's runtime.
@Suite struct GenerationTests {
    @Test(arguments: CompressedDecoder.names)
    func logitsOfTheDeviceEqualThoseOfPyTorch(name: String) throws {
        let decoder = try CompressedDecoder(name)
        let session = try decoder.session()
        for prompt in decoder.prompts {
            let found = try session.run(tokenIDs: prompt.ids, typeIDs: [], outputs: [.logits])[0]
            #expect(found.rowCount == prompt.ids.count)
            #expect(found.columnCount == decoder.vocabularySize)
            let scale = prompt.logits.reduce(0) { max($0, abs($1)) }
            for (number, row) in prompt.rows.enumerated() {
                for column in 0..<found.columnCount {
                    let expected = prompt.logits[number * found.columnCount + column]
                    let value = found.values[row * found.columnCount + column]
                    try #require(abs(value - expected) <= 2e-5 * scale, "row \(row)")
                }
            }
        }
    }

    @Test(arguments: CompressedDecoder.names)
    func greedyTextsOfTheDeviceEqualThoseOfPyTorch(name: String) throws {
        let decoder = try CompressedDecoder(name)
        let options = GenerationOptions(maximumNewTokens: decoder.greedy.ids.count)
        let generator = try Generator(
            decoder.session(threads: 2), prompts: [decoder.greedy.prompt], options: options)
        while !generator.isDone { _ = try generator.step() }
        #expect(Array(generator.newTokens(of: 0)) == decoder.greedy.ids)
        #expect(generator.end(of: 0) == .length)
    }

    @Test(arguments: CompressedDecoder.names)
    func int8LogitsAreNear(name: String) throws {
        let exact = try CompressedDecoder(name)
        let quantized = try CompressedDecoder(name, .int8)
        let session = try quantized.session()
        for prompt in exact.prompts {
            let found = try session.run(tokenIDs: prompt.ids, typeIDs: [], outputs: [.logits])[0]
            let read = prompt.rows.flatMap { row in
                (0..<found.columnCount).map { found.values[row * found.columnCount + $0] }
            }
            #expect(Self.cosine(read, prompt.logits) >= 0.99, "\(prompt.ids.count) tokens")
        }
    }

    /// Of random weights, 4 bits leave too little to compare with: the device's logits are near to
    /// those of the reference executor with the numbers that the codes stand for.
    @Test(arguments: CompressedDecoder.names)
    func int4LogitsAreThoseOfTheCodes(name: String) throws {
        let quantized = try CompressedDecoder(name, .int4)
        var model = quantized.model
        model.graph.restoreLogits()
        let executor = ReferenceExecutor(model: model, threadCount: 1)
        let session = try quantized.session()
        for prompt in quantized.prompts {
            let expected = try #require(
                try executor.run(tokenIDs: prompt.ids, outputs: [.logits])[.logits])
            let found = try session.run(tokenIDs: prompt.ids, typeIDs: [], outputs: [.logits])[0]
            let count = found.rowCount * found.columnCount
            let cosine = Self.cosine((0..<count).map { found.values[$0] }, expected.values)
            #expect(cosine >= 0.99, "\(prompt.ids.count) tokens")
        }
    }

    private static func cosine(_ a: [Float], _ b: [Float]) -> Double {
        var (mixed, left, right) = (0.0, 0.0, 0.0)
        for (a, b) in zip(a, b) {
            mixed += Double(a) * Double(b)
            left += Double(a) * Double(a)
            right += Double(b) * Double(b)
        }
        return a.count == b.count ? mixed / (left * right).squareRoot() : 0
    }

    /// Parts of a text, each finding those before it in a cache, have the bits of the whole.
    @Test(arguments: [
        ("llama", "int8"), ("mistral", "int8"), ("gpt2", "float"), ("smollm", "float"),
        ("gemma3", "int8"), ("llama", "int4"), ("qwen2", "int4"),
    ])
    func partsHaveTheBitsOfTheWhole(name: String, recipe: String) throws {
        let decoder = try CompressedDecoder(name, Recipe.presets.first { $0.name == recipe }!)
        let ids = (0..<75).map { Int32(($0 * 37 + 11) % decoder.vocabularySize) }
        var expected: [UInt32]?
        for set in InstructionSet.all where set.isSupported {
            for threads in [1, 3] {
                let session = try decoder.session(set, threads: threads)
                let whole = try session.run(tokenIDs: ids, typeIDs: [], outputs: [.logits])[0]
                let bits = whole.values.map(\.bitPattern)
                #expect(bits == expected ?? bits)
                expected = bits
                for lengths in [[75], [1, 74], [16, 16, 43], [5, 12, 1, 30, 27]] {
                    // Beside another text, whose tokens are not to be seen.
                    let caches = try (0..<2).map { _ in
                        try KeyValueCache(session, capacity: 80)
                    }
                    var found: [UInt32] = []
                    var first = 0
                    for length in lengths {
                        let part = Array(ids[first..<first + length])
                        let outputs = try session.extend(
                            caches, by: [part, [3]], outputs: [.logits])
                        found += outputs[0][0].values.map(\.bitPattern)
                        first += length
                    }
                    #expect(found == bits, "\(lengths)")
                    #expect(caches[0].tokenCount == 75 && caches[1].tokenCount == lengths.count)
                }
            }
        }
    }

    @Test func textsTogetherAreThoseAlone() throws {
        let decoder = try CompressedDecoder("qwen3", .int8)
        let prompts: [[Int32]] = [[1, 2, 3], [7], (0..<40).map { Int32($0) }]
        let options = GenerationOptions(
            maximumNewTokens: 20,
            sampling: SamplingOptions(temperature: 0.8, topK: 20, topP: 0.9, seed: 5))
        func texts(_ prompts: [[Int32]]) throws -> [[Int32]] {
            let generator = try Generator(decoder.session(), prompts: prompts, options: options)
            while !generator.isDone { _ = try generator.step() }
            return prompts.indices.map { Array(generator.newTokens(of: $0)) }
        }
        let together = try texts(prompts)
        #expect(together == (try texts(prompts)))
        // The first of several is drawn with the numbers that it has alone.
        #expect(together[0] == (try texts([prompts[0]])[0]))
        #expect(together.allSatisfy { $0.count == 20 })
    }

    @Test func fullContextsEndOrSlide() throws {
        let decoder = try CompressedDecoder("gpt2")
        let session = try decoder.session()
        let limit = session.maximumTokens
        let prompt = (0..<limit - 3).map { Int32($0 % decoder.vocabularySize) }
        var options = GenerationOptions(maximumNewTokens: 10)
        let ending = try Generator(session, prompts: [prompt], options: options)
        while !ending.isDone { _ = try ending.step() }
        #expect(ending.end(of: 0) == .context)
        // The last token needs no place any more.
        #expect(ending.newTokens(of: 0).count == 4)
        options.slidesContext = true
        let sliding = try Generator(session, prompts: [prompt], options: options)
        while !sliding.isDone { _ = try sliding.step() }
        #expect(sliding.end(of: 0) == .length && sliding.newTokens(of: 0).count == 10)
        #expect(Array(sliding.newTokens(of: 0).prefix(4)) == Array(ending.newTokens(of: 0)))
    }

    @Test func endTokensAreNoPartOfATextAndWrongPromptsAreRefused() throws {
        let decoder = try CompressedDecoder("llama")
        let session = try decoder.session()
        let third = decoder.greedy.ids[2]
        let first = try #require(decoder.greedy.ids.firstIndex(of: third))
        let generator = try Generator(
            session, prompts: [decoder.greedy.prompt],
            options: GenerationOptions(maximumNewTokens: 9, endTokens: [third]))
        while !generator.isDone { _ = try generator.step() }
        #expect(generator.end(of: 0) == .endToken)
        #expect(Array(generator.newTokens(of: 0)) == Array(decoder.greedy.ids[..<first]))

        let options = GenerationOptions()
        #expect(throws: RuntimeError.emptyInput) {
            try Generator(session, prompts: [[]], options: options)
        }
        let size = decoder.vocabularySize
        #expect(
            throws: RuntimeError.tokenOutOfRange(
                position: 1, id: Int32(size), vocabularySize: size)
        ) {
            try Generator(session, prompts: [[0, Int32(size)]], options: options)
        }
        let limit = session.maximumTokens
        #expect(throws: RuntimeError.tooManyTokens(count: limit + 1, limit: limit)) {
            try Generator(
                session, prompts: [[Int32](repeating: 0, count: limit + 1)], options: options)
        }
    }
}
