import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct RowImportanceTests {
    private let sequences = CalibrationSet([
        TokenSequence(ids: [1, 2, 3]), TokenSequence(ids: [4]), TokenSequence(ids: [5, 6]),
    ])

    /// The embedding goes around an attention that looks everywhere alike, and is pooled.
    private func model(_ pooling: Pooling) throws -> (SmallModel, Model) {
        let small = try SmallModel(weight: SmallModel.random([5, 6], seed: 1))
        var model = small.model
        var graph = Graph()
        let embedded = graph.append(
            "embeddings", .embedding([EmbeddingTerm(table: "tokens", index: .tokenIDs)]),
            inputs: [], rows: .tokens, columnCount: 6)
        let attended = graph.append(
            "attention",
            .attention(
                Attention(
                    headCount: 1, keyValueHeadCount: 1, headSize: 6, valueSize: 6, scale: 1e-30,
                    mask: .none)),
            inputs: [embedded, embedded, embedded], rows: .tokens, columnCount: 6)
        let sum = graph.append(
            "sum", .add, inputs: [attended, embedded], rows: .tokens, columnCount: 6)
        let pooled = graph.append(
            "pool", .pool(pooling), inputs: [sum], rows: .fixed(1), columnCount: 6)
        graph.outputs = [.embedding: pooled]
        model.graph = graph
        return (small, model)
    }

    private func weights(
        _ model: Model, of name: String, uniformShare: Float = 0
    ) throws -> [Float] {
        let importance = try RowImportance(
            model, sequences, uniformShare: uniformShare, threadCount: 1)
        let node = try #require(model.graph.nodes.first { $0.name == name })
        return try #require(importance[node.output])
    }

    private func expect(
        _ found: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            found.count == expected.count
                && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found)",
            sourceLocation: sourceLocation)
    }

    /// The lengths of the embeddings of a sequence in parts of their sum: what an attention that looks
    /// everywhere alike takes from each.
    private func shares(_ ids: [Int32], _ model: Model) throws -> [Float] {
        let table = try #require(model.parameters["tokens"]).floats(in: model.checkpoint)
        let lengths = ids.map { id in
            let row = Int(id) * table.columnCount..<(Int(id) + 1) * table.columnCount
            return table.values[row].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        return lengths.map { $0 / lengths.reduce(0, +) }
    }

    @Test func theFirstRowIsReadAndTheOthersThroughAttention() throws {
        let (owner, model) = try model(.firstRow)
        // Six rows of three sequences: each sequence weighs 2.
        expect(try weights(model, of: "sum"), [2, 0, 0, 2, 2, 0])
        // Half goes past the attention to the first row, half through it to all.
        let (three, two) = (try shares([1, 2, 3], model), try shares([5, 6], model))
        #expect(Set(three).count == 3)
        expect(
            try weights(model, of: "embeddings"),
            [1 + three[0], three[1], three[2], 2, 1 + two[0], two[1]])
        _ = owner
    }

    @Test func pooledMeansReadEveryRowAlike() throws {
        let (owner, model) = try model(.mean)
        let even: [Float] = [2.0 / 3, 2.0 / 3, 2.0 / 3, 2, 1, 1]
        expect(try weights(model, of: "sum"), even)
        let (three, two) = (try shares([1, 2, 3], model), try shares([5, 6], model))
        expect(
            try weights(model, of: "embeddings"),
            three.map { 1.0 / 3 + $0 } + [2] + two.map { 0.5 + $0 })
        _ = owner
    }

    @Test func aShareIsForAllRowsAlike() throws {
        let (owner, model) = try model(.firstRow)
        expect(
            try weights(model, of: "sum", uniformShare: 0.5),
            [1 + 1.0 / 3, 1.0 / 3, 1.0 / 3, 2, 1.5, 0.5])
        expect(
            try weights(model, of: "sum", uniformShare: 1),
            [2.0 / 3, 2.0 / 3, 2.0 / 3, 2, 1, 1])
        _ = owner
    }

    @Test func weightsHaveTheMeanOne() throws {
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        let calibration = TinyFixture.calibration(12)
        let importance = try RowImportance(
            model, calibration, uniformShare: 0.1, threadCount: 2)
        var seen = 0
        for node in model.graph.nodes {
            guard let weights = importance[node.output] else { continue }
            seen += 1
            let mean = weights.reduce(0, +) / Float(weights.count)
            #expect(abs(mean - 1) < 1e-4 && weights.allSatisfy { $0 > 0 }, "\(node.name)")
        }
        #expect(seen > model.graph.nodes.count / 2)
    }
}
