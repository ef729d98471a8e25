import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// The executor against logits and texts of PyTorch on the same small decoders.
@Suite struct DecoderReferenceTests {
    @Test(arguments: DecoderFixture.names)
    func logitsEqualThoseOfPyTorch(name: String) throws {
        let fixture = try DecoderFixture(name)
        let model = try Model(checkpoint: fixture.checkpoint)
        #expect(model.task == .generate)
        #expect(Set(model.graph.outputs.keys) == [.hiddenState, .logits, .nextLogits])
        #expect(model.unusedTensors.isEmpty)
        #expect(fixture.prompts.map(\.ids.count) == [1, 2, 17, 63])
        let executor = ReferenceExecutor(model: model, threadCount: 2)
        for prompt in fixture.prompts {
            let outputs = try executor.run(tokenIDs: prompt.ids)
            let logits = try #require(outputs[.logits])
            #expect(logits.shape == [prompt.ids.count, fixture.vocabularySize])
            try expectClose(logits.selectingRows(prompt.rows).values, prompt.logits)
            let next = try #require(outputs[.nextLogits])
            #expect(next.shape == [1, fixture.vocabularySize])
            try #require(prompt.rows.last == prompt.ids.count - 1)
            try expectClose(next.values, Array(prompt.logits.suffix(fixture.vocabularySize)))
        }
    }

    @Test(arguments: DecoderFixture.names)
    func greedyTextsEqualThoseOfPyTorch(name: String) throws {
        let fixture = try DecoderFixture(name)
        let model = try Model(checkpoint: fixture.checkpoint)
        let executor = ReferenceExecutor(model: model, threadCount: 1)
        var ids = fixture.greedy.prompt
        #expect(fixture.greedy.ids.count == 64)
        for expected in fixture.greedy.ids {
            let outputs = try executor.run(tokenIDs: ids, outputs: [.nextLogits])
            #expect(Set(outputs.keys) == [.nextLogits])
            let logits = try #require(outputs[.nextLogits]).values
            let best = try #require(logits.indices.max { logits[$0] < logits[$1] })
            try #require(best == Int(expected), "token \(ids.count)")
            ids.append(Int32(best))
        }
    }

    @Test(arguments: ["mistral", "gemma3", "gpt2"])
    func sequencesOfABatchDoNotSeeEachOther(name: String) throws {
        let fixture = try DecoderFixture(name)
        let model = try Model(checkpoint: fixture.checkpoint)
        let executor = ReferenceExecutor(model: model, threadCount: 2)
        let sequences = fixture.prompts.map { TokenSequence(ids: $0.ids) }
        let batch = try SequenceBatch(sequences, for: model)
        let outputs = try executor.run(batch)
        let logits = try #require(outputs[.logits])
        let next = try #require(outputs[.nextLogits])
        #expect(next.rowCount == fixture.prompts.count)
        for (index, prompt) in fixture.prompts.enumerated() {
            let first = batch.rows(of: index, .tokens).lowerBound
            try expectClose(
                logits.selectingRows(prompt.rows.map { $0 + first }).values, prompt.logits)
            try expectClose(
                next.selectingRows([index]).values,
                Array(prompt.logits.suffix(fixture.vocabularySize)))
        }
    }

    private func expectClose(
        _ found: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try #require(found.count == expected.count, sourceLocation: sourceLocation)
        let scale = expected.reduce(0) { max($0, abs($1)) }
        let error = zip(found, expected).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(
            error <= 2e-5 * scale, "largest error \(error) of \(scale)",
            sourceLocation: sourceLocation)
    }
}
