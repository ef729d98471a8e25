import Checkpoints
import ModelGraph
import Tensors
import Testing

/// What a graph with the operations of decoders must keep to.
@Suite struct DecoderGraphTests {
    private let model: Model

    init() throws {
        model = try Model(checkpoint: Checkpoint(path: DecoderFixture.folder + "/qwen3"))
    }

    @Test func aGroupDividesTheColumns() {
        let name = "layers.0.self_attn.q_norm"
        change(name) { $0.operation = rms("layers.0.input_layernorm.weight", 0.1) }
            .expect(nil, at: name)
        change("layers.0.self_attn.k_norm") {
            $0.operation = rms("layers.0.input_layernorm.weight", 0.1)
        }.expect(.notDivisible(columns: 16, by: 32), at: "layers.0.self_attn.k_norm")
        change(name) { $0.operation = rms("none", 0.1) }.expect(.noParameter("none"), at: name)
        change(name) { $0.operation = rms("layers.0.self_attn.q_norm.weight", 0) }
            .expect(.notPositive("epsilon", 0), at: name)
        change(name) { $0.operation = rms("embed_tokens.weight", 1) }.expect(
            .parameterShape(
                "embed_tokens.weight", expected: TensorPattern([nil]), found: [96, 32]), at: name)
        var changed = model
        changed.parameters["empty"] = Parameter(shape: [0], storage: .dense(Tensor(zeros: [0])))
        changed.graph.nodes[index(name)].operation = rms("empty", 1)
        Changed(model: changed).expect(.notDivisible(columns: 64, by: 0), at: name)
    }

    private func rms(_ gamma: String, _ epsilon: Float) -> ModelGraph.Operation {
        .rmsNormalization(RMSNormalization(gamma: gamma, epsilon: epsilon))
    }

    @Test func aRotaryEmbeddingFitsItsHeads() throws {
        let name = "layers.0.self_attn.q_rotary"
        func rotary(headSize: Int, scale: Float = 1) -> ModelGraph.Operation {
            .rotary(
                RotaryEmbedding(
                    frequencies: "rotary.frequencies", headSize: headSize, scale: scale))
        }
        change(name) { $0.operation = rotary(headSize: 32) }.expect(nil, at: name)
        change(name) { $0.operation = rotary(headSize: 24) }
            .expect(.notDivisible(columns: 64, by: 24), at: name)
        change(name) { $0.operation = rotary(headSize: 0) }
            .expect(.notDivisible(columns: 64, by: 0), at: name)
        change(name) { $0.operation = rotary(headSize: 8) }
            .expect(.rotatedSize(16, headSize: 8), at: name)
        change(name) { $0.operation = rotary(headSize: 16, scale: .infinity) }
            .expect(.notPositive("scale", .infinity), at: name)
        // A row without a place has no angle.
        var changed = model
        let last = try #require(model.graph.nodes.first { $0.name == "lm_head.last" }).output
        changed.graph.append(
            "turned", rotary(headSize: 16), inputs: [last], rows: .fixed(1), columnCount: 32)
        Changed(model: changed).expect(.rows(expected: .tokens, found: .fixed(1)), at: "turned")
    }

    @Test func windowsSlopesAndCapsAreSound() {
        let name = "layers.0.self_attn"
        func attention(_ edit: @escaping (inout Attention) -> Void) -> Changed {
            change(name) { node in
                guard case .attention(var attention) = node.operation else { return }
                edit(&attention)
                node.operation = .attention(attention)
            }
        }
        attention { $0.window = 1 }.expect(nil, at: name)
        attention { $0.window = 0 }.expect(.window(0, mask: .causal), at: name)
        attention {
            $0.window = 3
            $0.mask = .none
        }.expect(.window(3, mask: .none), at: name)
        attention { $0.slopes = "rotary.frequencies" }.expect(
            .parameterShape(
                "rotary.frequencies", expected: TensorPattern([4]), found: [8]), at: name)
        attention { $0.scoreCap = 0 }.expect(.notPositive("score cap", 0), at: name)
        attention { $0.scoreCap = 30 }.expect(nil, at: name)
    }

    @Test func productsOfElementsAreOfOneShape() {
        let name = "layers.0.mlp.gated"
        change(name) { $0.inputs.removeLast() }
            .expect(.inputCount(expected: 2, found: 1), at: name)
        change(name) { $0.inputs[1] = ValueID(0) }
            .expect(.columns(expected: 40, found: 32), at: name)
        change(name) {
            $0.operation = .scale(.nan)
            $0.inputs.removeLast()
        }.expectFailure(at: name)
    }

    @Test func parametersOfTheOperationsAreRead() throws {
        let names = model.graph.parameterNames
        #expect(names == Set(model.parameters.keys))
        #expect(names.contains("rotary.frequencies"))
        #expect(model.graph.sharedParameterNames == ["rotary.frequencies", "lm_head.weight"])
        let tied = try Model(checkpoint: Checkpoint(path: DecoderFixture.folder + "/smollm"))
        #expect(
            tied.graph.sharedParameterNames == ["rotary.frequencies", "embed_tokens.weight"])
        #expect(!tied.graph.isTable("embed_tokens.weight"))
        #expect(model.graph.isTable("embed_tokens.weight"))
    }

    @Test func aRowOfADecoderNeedsTheOthers() throws {
        let last = try #require(model.graph.outputs[.nextLogits])
        let read = RowsRead(model.graph, outputs: [last])
        #expect(read[try #require(model.graph.outputs[.hiddenState])] == .allRows)
        #expect(read[try #require(model.graph.outputs[.logits])] == .nothing)
        for node in model.graph.nodes {
            switch node.operation {
            case .rotary, .attention, .embedding, .pool: #expect(!node.operation.givesRowsAlone)
            default: #expect(node.operation.givesRowsAlone)
            }
        }
    }

    // MARK: - Parts

    private struct Changed {
        let model: Model

        func expect(
            _ error: GraphError?, at node: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            guard let error else {
                #expect(throws: Never.self, sourceLocation: sourceLocation) {
                    try model.validate()
                }
                return
            }
            #expect(
                throws: ModelError.graph(node: node, error), sourceLocation: sourceLocation
            ) { try model.validate() }
            #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
        }

        /// For errors that are not equal to themselves.
        func expectFailure(at node: String) {
            #expect {
                try model.validate()
            } throws: { error in
                guard case .graph(node, .notFinite)? = error as? ModelError else { return false }
                return true
            }
        }
    }

    private func index(_ name: String) -> Int {
        model.graph.nodes.firstIndex { $0.name == name } ?? 0
    }

    private func change(_ name: String, _ edit: (inout Node) -> Void) -> Changed {
        var changed = model
        edit(&changed.graph.nodes[index(name)])
        return Changed(model: changed)
    }
}
