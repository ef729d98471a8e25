import Checkpoints
import ModelGraph
import Tensors
import Testing

@Suite struct GraphValidationTests {
    var model: Model
    let bert: TinyBert

    init() throws {
        bert = try TinyBert()
        model = try bert.model()
    }

    @Test func nodesMustFollowTheirInputs() throws {
        var changed = model
        changed.graph.nodes.swapAt(0, 1)
        expect(.inputNotComputed(0), at: "embeddings.LayerNorm", changed)
        changed = model
        changed.graph.nodes.append(changed.graph.nodes[3])
        expect(.outputAlreadyComputed, at: model.graph.nodes[3].name, changed)
        changed = model
        changed.graph.nodes[1].inputs = [ValueID(10_000)]
        expect(.unknownValue(10_000), at: "embeddings.LayerNorm", changed)
        changed = model
        changed.graph.nodes[1].output = ValueID(-1)
        expect(.unknownValue(-1), at: "embeddings.LayerNorm", changed)
    }

    @Test func outputsMustBeComputed() throws {
        var changed = model
        changed.graph.nodes.removeLast()
        expect(.resultNotComputed(.pooled), at: "pooled", changed)
        changed = model
        changed.graph.outputs[.logits] = ValueID(9999)
        expect(.resultNotComputed(.logits), at: "logits", changed)
    }

    @Test func operationsNeedTheirNumberOfInputs() throws {
        let name = "encoder.layer.0.output.add"
        expect(.inputCount(expected: 2, found: 1), at: name) { $0.inputs.removeLast() }
    }

    @Test func shapesMustAgree() throws {
        let add = "encoder.layer.0.output.add"
        let inner = try #require(node("encoder.layer.0.intermediate.dense")).output
        expect(.columns(expected: 8, found: 12), at: add) { $0.inputs[1] = inner }
        let pooled = try #require(node("pooler.first")).output
        var changed = model
        changed.graph.append(
            "extra", .add, inputs: [ValueID(0), pooled], rows: .tokens, columnCount: 8)
        expect(.rows(expected: .tokens, found: .fixed(1)), at: "extra", changed)
        changed = model
        changed.graph.append(
            "extra", .pool(.mean), inputs: [ValueID(0)], rows: .tokens, columnCount: 8)
        expect(.rows(expected: .fixed(1), found: .tokens), at: "extra", changed)
    }

    @Test func parametersMustBeThereWithTheirShape() throws {
        let weight = "encoder.layer.0.output.dense.weight"
        var changed = model
        changed.parameters[weight] = nil
        expect(.noParameter(weight), at: "encoder.layer.0.output.dense", changed)
        changed = model
        changed.parameters[weight]?.shape = [12, 8]
        expect(
            .parameterShape(weight, expected: TensorPattern([8, 12]), found: [12, 8]),
            at: "encoder.layer.0.output.dense", changed)
        changed = model
        changed.parameters[weight]?.storage = .dense(Tensor(zeros: [8, 11]))
        expect(
            .storageShape(weight, expected: [8, 12], found: [8, 11]),
            at: "encoder.layer.0.output.dense", changed)
        changed.parameters[weight]?.storage = .quantizedRows(
            QuantizedRows(rowCount: 8, columnCount: 12, codes: [1], scales: [1]))
        expect(
            .storageShape(weight, expected: [8, 12], found: [-1, -1]),
            at: "encoder.layer.0.output.dense", changed)
        changed.parameters[weight]?.storage = .checkpoint(name: "none", elementType: .float32)
        expect(
            .storageShape(weight, expected: [8, 12], found: [-1]),
            at: "encoder.layer.0.output.dense", changed)
    }

    @Test func tablesMustHaveTheRowsThatInputsMayName() throws {
        var changed = model
        changed.vocabularySize = 21
        expect(
            .tableTooSmall("embeddings.word_embeddings.weight", needed: 21, found: 20),
            at: "embeddings", changed)
        changed = model
        changed.maximumTokens = 11
        expect(
            .tableTooSmall("embeddings.position_embeddings.weight", needed: 11, found: 10),
            at: "embeddings", changed)
        changed = model
        changed.typeCount = 3
        expect(
            .tableTooSmall("embeddings.token_type_embeddings.weight", needed: 3, found: 2),
            at: "embeddings", changed)
        expect(.noTables, at: "embeddings") { $0.operation = .embedding([]) }
    }

    @Test func headsMustShareEvenly() throws {
        for (heads, shared) in [(2, 0), (3, 2), (-1, 1), (2, -2)] {
            let error = GraphError.headCounts(heads: heads, keyValueHeads: shared)
            expect(error, at: "encoder.layer.0.attention.self") {
                $0.operation = .attention(
                    Attention(
                        headCount: heads, keyValueHeadCount: shared, headSize: 4, valueSize: 4,
                        scale: 1, mask: .none))
            }
        }
    }

    @Test func scalesAndEpsilonsMustBePositive() throws {
        expect(.notPositive("epsilon", 0), at: "embeddings.LayerNorm") {
            guard case .layerNormalization(var normalization) = $0.operation else { return }
            normalization.epsilon = 0
            $0.operation = .layerNormalization(normalization)
        }
        expect(.notPositive("scale", .infinity), at: "encoder.layer.0.attention.self") {
            guard case .attention(var attention) = $0.operation else { return }
            attention.scale = .infinity
            $0.operation = .attention(attention)
        }
    }

    // MARK: - Parts

    private func node(_ name: String) -> Node? {
        model.graph.nodes.first { $0.name == name }
    }

    /// Expects an error after a node was changed.
    private func expect(
        _ error: GraphError, at name: String, sourceLocation: SourceLocation = #_sourceLocation,
        change: (inout Node) -> Void
    ) {
        var changed = model
        guard let position = changed.graph.nodes.firstIndex(where: { $0.name == name }) else {
            Issue.record("no node \(name)", sourceLocation: sourceLocation)
            return
        }
        change(&changed.graph.nodes[position])
        expect(error, at: name, changed, sourceLocation: sourceLocation)
    }

    private func expect(
        _ error: GraphError, at name: String, _ model: Model,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let expected = ModelError.graph(node: name, error)
        #expect(throws: expected, sourceLocation: sourceLocation) { try model.validate() }
        #expect(throws: expected, sourceLocation: sourceLocation) {
            try ReferenceExecutor(model: model, threadCount: 1).run(tokenIDs: [1])
        }
        #expect(!error.description.isEmpty, sourceLocation: sourceLocation)
    }
}
