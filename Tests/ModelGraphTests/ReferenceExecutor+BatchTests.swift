import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// Sequences that run together give what each gives alone.
@Suite struct ReferenceExecutorBatchTests {
    private static let sequences = [
        TokenSequence(ids: [3]),
        TokenSequence(ids: [4, 5, 6, 19, 0], typeIDs: [0, 0, 1, 1, 0]),
        TokenSequence(ids: [7, 7]),
        TokenSequence(
            ids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], typeIDs: [Int32](repeating: 1, count: 10)),
        TokenSequence(ids: [11, 12, 13]),
    ]

    /// Runs the sequences alone and together and compares every node.
    private func expectAgreement(
        _ model: Model, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for threadCount in [1, 2] {
            let executor = ReferenceExecutor(model: model, threadCount: threadCount)
            let batch = try SequenceBatch(Self.sequences, for: model)
            var together: [Tensor] = []
            let outputs = try executor.run(batch) { _, _, output in together.append(output) }
            try #require(together.count == model.graph.nodes.count)
            for (index, sequence) in Self.sequences.enumerated() {
                var position = 0
                let alone = try executor.run(try SequenceBatch([sequence], for: model)) {
                    node, _, output in
                    let rows = batch.rows(of: index, model.graph[node.output].rows)
                    #expect(
                        difference(together[position].selectingRows(rows), output) <= 1e-6,
                        "\(node.name), sequence \(index)", sourceLocation: sourceLocation)
                    position += 1
                }
                #expect(position == together.count, sourceLocation: sourceLocation)
                #expect(alone.keys == outputs.keys, sourceLocation: sourceLocation)
                for (role, id) in model.graph.outputs {
                    let rows = batch.rows(of: index, model.graph[id].rows)
                    let found = try #require(outputs[role]).selectingRows(rows)
                    #expect(
                        difference(found, try #require(alone[role])) <= 1e-6, "\(role)",
                        sourceLocation: sourceLocation)
                }
            }
        }
    }

    /// The largest difference in parts of the largest magnitude.
    private func difference(_ found: Tensor, _ expected: Tensor) -> Float {
        guard found.shape == expected.shape else { return .infinity }
        let worst = zip(found.values, expected.values).reduce(Float(0)) { worst, pair in
            let difference = (pair.0 - pair.1).magnitude
            return difference.isNaN ? .infinity : max(worst, difference)
        }
        return worst == 0 ? 0 : worst / expected.absoluteMaximum
    }

    private func changed(_ model: Model, _ change: (inout ModelGraph.Operation) -> Void) -> Model {
        var model = model
        for index in model.graph.nodes.indices { change(&model.graph.nodes[index].operation) }
        return model
    }

    @Test func embeddingsAreThoseOfEachAlone() throws {
        let bert = try TinyBert()
        try bert.addModules()
        try bert.addPooling(["mean_tokens"])
        let model = try bert.model()
        try expectAgreement(model)
        // All operations that there are have been compared.
        var kinds: Set<String> = []
        for node in model.graph.nodes {
            kinds.insert(String("\(node.operation)".prefix { $0 != "(" }))
        }
        #expect(
            kinds == [
                "embedding", "linear", "attention", "layerNormalization", "activation", "add",
                "pool", "normalizeL2",
            ])
    }

    @Test(arguments: ["cls_token", "mean_tokens", "max_tokens"])
    func poolingsAreThoseOfEachAlone(mode: String) throws {
        let bert = try TinyBert()
        try bert.addModules(["Transformer", "Pooling"])
        try bert.addPooling([mode])
        try expectAgreement(try bert.model())
    }

    @Test func logitsAreThoseOfEachAlone() throws {
        let bert = try TinyBert()
        bert.addClassifier(labels: 3)
        try expectAgreement(try bert.model())
    }

    @Test func causalMasksEndWithTheirSequence() throws {
        let bert = try TinyBert()
        let causal = changed(try bert.model()) { operation in
            guard case .attention(var attention) = operation else { return }
            attention.mask = .causal
            operation = .attention(attention)
        }
        try expectAgreement(causal)
        let batch = try SequenceBatch(Self.sequences, for: causal)
        let masked = try ReferenceExecutor(model: causal, threadCount: 1).run(batch)
        let open = try ReferenceExecutor(model: try bert.model(), threadCount: 1).run(batch)
        let (found, other) = try (
            #require(masked[.hiddenState]), #require(open[.hiddenState])
        )
        // A sequence of one token sees itself either way; of others the first token sees less.
        #expect(found.selectingRows(0..<1) == other.selectingRows(0..<1))
        #expect(difference(found.selectingRows(1..<2), other.selectingRows(1..<2)) > 1e-3)
    }

    @Test func sharedKeyHeadsAreThoseOfEachAlone() throws {
        let bert = try TinyBert()
        var model = try bert.model()
        // Both query heads read the first key head: half of the columns of keys and values.
        let half = TinyBert.columns / TinyBert.headCount
        for index in model.graph.nodes.indices {
            guard case .attention(var attention) = model.graph.nodes[index].operation else {
                continue
            }
            attention.keyValueHeadCount = 1
            model.graph.nodes[index].operation = .attention(attention)
            for input in model.graph.nodes[index].inputs.dropFirst() {
                model.graph.values[input.index].columnCount = half
                for producer in model.graph.nodes where producer.output == input {
                    guard case .linear(let linear) = producer.operation else { continue }
                    for name in [linear.weight, linear.bias].compactMap({ $0 }) {
                        let tensor = try model.checkpoint.floats(name)
                        let kept = Array(tensor.values.prefix(tensor.elementCount / 2))
                        let shape = [half] + tensor.shape.dropFirst()
                        model.parameters[name] = Parameter(
                            shape: shape, storage: .dense(Tensor(shape: shape, values: kept)))
                    }
                }
            }
        }
        try expectAgreement(model)
    }

    @Test(arguments: Activation.allCases)
    func activationsAreThoseOfEachAlone(activation: Activation) throws {
        let bert = try TinyBert()
        try expectAgreement(
            changed(try bert.model()) { operation in
                if case .activation = operation { operation = .activation(activation) }
            })
    }

    @Test func codesAreThoseOfEachAlone() throws {
        let bert = try TinyBert()
        var model = try bert.model()
        for index in model.graph.nodes.indices {
            guard case .linear(var linear) = model.graph.nodes[index].operation else { continue }
            let weight = try model.checkpoint.floats(linear.weight)
            let scales = [Float](repeating: 1.0 / 127, count: weight.rowCount)
            model.parameters[linear.weight]?.storage = .quantizedRows(
                QuantizedRows(
                    rowCount: weight.rowCount, columnCount: weight.columnCount,
                    codes: weight.values.map { Int8(($0 * 127).rounded()) }, scales: scales))
            let multipliers = (0..<weight.columnCount).map { 0.5 + Float($0 % 5) / 4 }
            linear.inputMultipliers = linear.weight + ".multipliers"
            model.parameters[linear.weight + ".multipliers"] = Parameter(
                shape: [multipliers.count],
                storage: .dense(Tensor(shape: [multipliers.count], values: multipliers)))
            model.graph.nodes[index].operation = .linear(linear)
        }
        // Codes could make a large difference of a tiny one, so they are judged by what they do.
        try expectAgreement(model)
        let batch = try SequenceBatch(Self.sequences, for: model)
        let floats = try ReferenceExecutor(model: model, threadCount: 1).run(batch)
        let codes = try ReferenceExecutor(
            model: model, threadCount: 1, simulatesCodes: true
        ).run(batch)
        let (state, rounded) = try (
            #require(floats[.hiddenState]), #require(codes[.hiddenState])
        )
        let ratio = state.signalToNoiseRatio(ofApproximation: rounded)
        #expect(ratio > 25 && ratio < 70)
    }
}
