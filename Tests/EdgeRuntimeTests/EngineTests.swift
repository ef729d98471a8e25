import EdgeFormat
import EdgeTokenizer
import Packaging
import Testing

@testable import EdgeRuntime

@Suite struct EngineTests {
    /// Embeds tokens, pools them, and gives an embedding and three logits.
    private static func model(vocabularySize: Int = 8) -> TestContainer {
        var random = RandomNumbers(seed: 90)
        var container = TestContainer()
        let input = container.input(random.floats(vocabularySize * 12), columns: 12)
        let pooled = container.pool(input, .mean)
        let embedding = container.sameShape(pooled) {
            .normalizeL2(input: pooled, output: $0, epsilon: 1e-12)
        }
        let logits = container.linear(
            pooled, weight: container.add(random.floats(36, 4), [3, 12]),
            bias: container.add([0.5, -0.25, 1], [3]))
        container.setOutput(.hiddenState, input)
        container.setOutput(.embedding, embedding)
        container.setOutput(.logits, logits)
        container.metadata.set("task", .text(Array("classify".utf8)))
        return container
    }

    private func texts(_ texts: String...) -> MetadataValue {
        .texts(texts.map { Array($0.utf8) })
    }

    private func engine(_ container: TestContainer) throws(RuntimeError) -> Engine {
        try Engine(container.open(), options: SessionOptions())
    }

    private static func tokenizer() throws -> [UInt8] {
        try TokenizerSource(
            tokenizerJSON: nil,
            vocabularyText: Array("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nb\n##b\nc\n".utf8),
            tokenizerConfigJSON: nil
        ).makeBlob()
    }

    // MARK: - Tasks and labels

    @Test(arguments: [EngineTask.embed, .classify, .raw])
    func theTaskIsThatOfTheMetadata(task: EngineTask) throws {
        var container = Self.model()
        let name = task.name.withUTF8Buffer { Array($0) }
        container.metadata.set("task", .text(name))
        #expect(try engine(container).task == task)
        #expect(EngineTask(name: name) == task)
    }

    @Test func unknownTasksAreRefused() {
        for name in ["", "Embed", "embed ", "translate"] {
            var container = Self.model()
            container.metadata.set("task", .text(Array(name.utf8)))
            #expect(throws: RuntimeError.format(.unknownFeature(name: Array(name.utf8)))) {
                try engine(container)
            }
            #expect(EngineTask(name: Array(name.utf8)) == nil)
        }
        var container = Self.model()
        container.metadata = Metadata()
        #expect(throws: RuntimeError.format(.missingMetadata(key: "task"))) {
            try engine(container)
        }
        container.metadata.set("task", .integer(1))
        #expect(throws: RuntimeError.format(.missingMetadata(key: "task"))) {
            try engine(container)
        }
    }

    @Test func thereIsALabelForEveryLogitOrNone() throws {
        #expect(try engine(Self.model()).labels.isEmpty)
        var container = Self.model()
        container.metadata.set("labels", texts("no", "maybe", "yes"))
        #expect(try engine(container).labels == ["no", "maybe", "yes"].map { Array($0.utf8) })
        container.metadata.set("labels", texts("no", "yes"))
        let error = FormatError.wrongValue(field: "number of labels", expected: 3, found: 2)
        #expect(throws: RuntimeError.format(error)) { try engine(container) }
        // Without logits the labels name nothing.
        container.program.outputs.removeAll { $0.code == .logits }
        #expect(throws: Never.self) { try engine(container) }
    }

    // MARK: - Answers

    @Test func classesHaveProbabilities() throws {
        let engine = try engine(Self.model())
        let found = try engine.classify(tokenIDs: [1, 5, 7], typeIDs: [])
        let logits = try engine.session.run(
            tokenIDs: [1, 5, 7], typeIDs: [], outputs: [.logits])[0].values
        #expect(found.logits == logits)
        let exponentials = logits.map { exponential(Double($0)) }
        for (score, exponential) in zip(found.scores, exponentials) {
            #expect(abs(Double(score) - exponential / exponentials.reduce(0, +)) < 1e-6)
        }
        #expect(found.best == found.scores.indices.max { found.scores[$0] < found.scores[$1] })
    }

    private func exponential(_ x: Double) -> Double {
        // The series of exp(x / 1024), then ten squarings.
        let small = x / 1_024
        var term = 1.0
        var sum = 1.0
        for index in 1..<12 {
            term *= small / Double(index)
            sum += term
        }
        for _ in 0..<10 { sum *= sum }
        return sum
    }

    @Test func theFirstOfEqualClassesIsBest() throws {
        var container = TestContainer()
        let input = container.input([1, 3, 3, 2], columns: 4)
        container.setOutput(.logits, container.pool(input, .firstRow))
        container.metadata.set("task", .text(Array("classify".utf8)))
        let found = try engine(container).classify(tokenIDs: [0], typeIDs: [])
        #expect(found.best == 1)
        #expect(found.scores[1] == found.scores[2] && found.scores[0] < found.scores[3])
    }

    @Test func largeLogitsGiveFiniteProbabilities() throws {
        var container = TestContainer()
        let input = container.input([3e38, -3e38, 0, 2e38], columns: 4)
        container.setOutput(.logits, container.pool(input, .firstRow))
        container.metadata.set("task", .text(Array("classify".utf8)))
        let found = try engine(container).classify(tokenIDs: [0], typeIDs: [])
        #expect(found.scores == [1, 0, 0, 0])
    }

    @Test func answersAreOutputsOfTheSession() throws {
        var container = Self.model()
        let ids: [Int32] = [2, 2, 6]
        let full = try engine(container)
        let outputs = try full.session.run(
            tokenIDs: ids, typeIDs: [], outputs: [.embedding, .logits, .hiddenState])
        #expect(try full.embed(tokenIDs: ids, typeIDs: []) == outputs[0].values)
        #expect(try full.raw(tokenIDs: ids, typeIDs: []) == outputs[1])
        container.program.outputs.removeAll { $0.code != .hiddenState }
        let bare = try engine(container)
        #expect(try bare.raw(tokenIDs: ids, typeIDs: []) == outputs[2])
        #expect(throws: RuntimeError.noSuchOutput) { try bare.embed(tokenIDs: ids, typeIDs: []) }
        #expect(throws: RuntimeError.noSuchOutput) {
            try bare.classify(tokenIDs: ids, typeIDs: [])
        }
    }

    // MARK: - Tokenizers

    @Test func aModelMayHaveNoTokenizer() throws {
        let engine = try engine(Self.model())
        #expect(engine.tokenizer == nil)
        #expect(throws: RuntimeError.noTokenizer) { try engine.encode([0x61], pair: nil) }
    }

    @Test func textsBecomeTokensOfTheModel() throws {
        var container = Self.model()
        container.add(tokenizer: try Self.tokenizer())
        container.program.maximumTokens = 4
        let engine = try engine(container)
        #expect(try engine.encode(Array("a".utf8), pair: nil).ids == [2, 4, 3])
        let cut = try engine.encode(Array("ab c a b".utf8), pair: nil)
        #expect(cut.ids == [2, 4, 6, 3])
        #expect(cut.untruncatedCount == 7)
        #expect(throws: Never.self) { try engine.classify(tokenIDs: cut.ids, typeIDs: []) }
    }

    @Test func brokenTokenizersAreNamed() throws {
        var container = Self.model()
        var blob = try Self.tokenizer()
        blob[0] ^= 1
        container.add(tokenizer: blob)
        #expect {
            try engine(container)
        } throws: { error in
            guard case RuntimeError.tokenizer(.wrongMagic) = error else { return false }
            return true
        }
        var empty = Self.model()
        empty.add(tokenizer: [])
        #expect {
            try engine(empty)
        } throws: { error in
            guard case RuntimeError.tokenizer(.tooShort) = error else { return false }
            return true
        }
    }

    @Test func aTokenizerKnowsNoTokenThatTheModelDoesNot() throws {
        var container = Self.model(vocabularySize: 7)
        container.add(tokenizer: try Self.tokenizer())
        let error = FormatError.wrongValue(
            field: "vocabulary of the tokenizer", expected: 7, found: 8)
        #expect(throws: RuntimeError.format(error)) { try engine(container) }
    }

    @Test func aDamagedTokenizerIsNamed() throws {
        var container = Self.model()
        container.add(tokenizer: try Self.tokenizer())
        var bytes = container.bytes()
        let chunk = container.chunks[container.chunks.count - 1]
        bytes[chunk.offset + 10] ^= 1
        #expect {
            try Engine(TestContainer.open(bytes), options: SessionOptions())
        } throws: { error in
            guard case RuntimeError.format(.chunkDamaged) = error else { return false }
            return true
        }
    }
}
