import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// Windows, rotary embeddings and the other things in which layers and families differ.
@Suite struct DecoderLayerTests {
    // MARK: - Windows

    @Test func everyLayerOfMistralHasTheWindow() throws {
        let mistral = try TinyDecoder("mistral")
        #expect(try windows(mistral.model()) == [8, 8])
        mistral.configuration["sliding_window"] = nil
        mistral.configuration["max_position_embeddings"] = 32768
        #expect(try windows(mistral.model()) == [4096, 4096])
        // A window as long as the context is none.
        mistral.configuration["max_position_embeddings"] = 4096
        #expect(try windows(mistral.model()) == [nil, nil])
        mistral.configuration["sliding_window"] = null
        #expect(try windows(mistral.model()) == [nil, nil])
        mistral.configuration["layer_types"] = ["sliding_attention", "full_attention"]
        expect(
            unsupported("layer_types", "with full attention", "a window in all layers"), mistral)
    }

    @Test(arguments: [0, -4])
    func windowsArePositive(window: Int) throws {
        let mistral = try TinyDecoder("mistral")
        mistral.configuration["sliding_window"] = window
        expect(malformed("sliding_window", "a positive integer", "\(window)"), mistral)
    }

    @Test func laterLayersOfQwenHaveTheWindow() throws {
        let qwen = try TinyDecoder("qwen2")
        #expect(try windows(qwen.model()) == [nil, 7, 7])
        qwen.configuration["layer_types"] = nil
        #expect(try windows(qwen.model()) == [nil, 7, 7])
        qwen.configuration["max_window_layers"] = 0
        #expect(try windows(qwen.model()) == [7, 7, 7])
        qwen.configuration["max_window_layers"] = 28
        #expect(try windows(qwen.model()) == [nil, nil, nil])
        qwen.configuration["max_window_layers"] = 2
        qwen.configuration["use_sliding_window"] = false
        #expect(try windows(qwen.model()) == [nil, nil, nil])
        qwen.configuration["layer_types"] = [
            "full_attention", "sliding_attention", "full_attention",
        ]
        expect(
            unsupported(
                "use_sliding_window", "false", "true where layer_types has sliding_attention"),
            qwen)
        qwen.configuration["use_sliding_window"] = true
        #expect(try windows(qwen.model()) == [nil, 7, nil])
        qwen.configuration["sliding_window"] = null
        expect(malformed("sliding_window", "a positive integer", "nothing"), qwen)
    }

    @Test func kindsOfLayersAreOneForEach() throws {
        let qwen = try TinyDecoder("qwen2")
        qwen.configuration["layer_types"] = ["full_attention"]
        expect(
            .contradiction(field: "the length of layer_types", configured: 1, found: 3), qwen)
        qwen.configuration["layer_types"] = ["full_attention", "chunked_attention", "x"]
        expect(
            unsupported("layer_types", "chunked_attention", "full_attention, sliding_attention"),
            qwen)
    }

    @Test func gemmasHaveWindowsInTurn() throws {
        let gemma2 = try TinyDecoder("gemma2")
        #expect(try windows(gemma2.model()) == [6, nil, 6])
        gemma2.configuration["layer_types"] = nil
        #expect(try windows(gemma2.model()) == [6, nil, 6])
        let gemma3 = try TinyDecoder("gemma3")
        #expect(try windows(gemma3.model()) == [5, nil, 5])
        gemma3.configuration["layer_types"] = nil
        #expect(try windows(gemma3.model()) == [5, 5, 5])
        gemma3.configuration["sliding_window_pattern"] = 3
        #expect(try windows(gemma3.model()) == [5, 5, nil])
        gemma3.configuration["use_bidirectional_attention"] = true
        expect(unsupported("use_bidirectional_attention", "true", "false"), gemma3)
    }

    @Test func capsOfGemma() throws {
        let gemma2 = try TinyDecoder("gemma2")
        #expect(try attentions(gemma2.model()).map(\.scoreCap) == [3, 3, 3])
        gemma2.configuration["attn_logit_softcapping"] = null
        gemma2.configuration["final_logit_softcapping"] = null
        let model = try gemma2.model()
        #expect(attentions(model).map(\.scoreCap) == [nil, nil, nil])
        #expect(model.graph.nodes.last?.name == "lm_head.next")
        let gemma3 = try TinyDecoder("gemma3")
        gemma3.configuration["attn_logit_softcapping"] = 50
        expect(unsupported("attn_logit_softcapping", "other than null", "null"), gemma3)
    }

    // MARK: - Rotary embeddings

    @Test func someLayersGoWithoutRotaryEmbedding() throws {
        let smollm = try TinyDecoder("smollm3")
        #expect(try rotaryLayers(smollm.model()) == ["0", "2"])
        smollm.configuration["no_rope_layers"] = nil
        smollm.configuration["no_rope_layer_interval"] = 3
        #expect(try rotaryLayers(smollm.model()) == ["0", "1"])
        smollm.configuration["no_rope_layers"] = [1, 0]
        expect(
            malformed("no_rope_layers", "an array of 3 times 0 or 1", "an array"), smollm)
    }

    @Test func headsMayBeTurnedInPart() throws {
        let llama = try TinyDecoder("llama")
        let whole = try frequencies(llama.model())
        // 10000^(-2 · i / 8), by hand.
        for (found, expected) in zip(whole, [1, 0.1, 0.01, 0.001] as [Float]) {
            #expect(abs(found - expected) <= expected * 0x1p-23)
        }
        llama.configuration["partial_rotary_factor"] = 0.5
        let model = try llama.model()
        #expect(try frequencies(model).count == 2)
        #expect(
            try ReferenceExecutor(model: model, threadCount: 1)
                .run(tokenIDs: [1, 2])[.logits]?.nonFiniteCount == 0)
    }

    @Test func aDynamicScalingChangesNothingWithinTheContext() throws {
        let llama = try TinyDecoder("llama-dynamic")
        let scaled = try frequencies(llama.model())
        llama.configuration["rope_scaling"] = nil
        #expect(try frequencies(llama.model()) == scaled)
    }

    @Test func longFactorsLimitTheContext() throws {
        let llama = try TinyDecoder("llama-longrope")
        #expect(try llama.model().maximumTokens == 128)
        llama.configuration["original_max_position_embeddings"] = nil
        expect(malformed("rope_scaling.factor", "a positive number", "nothing"), llama)
    }

    @Test func newerConfigurationsHaveAllInOneObject() throws {
        let llama = try TinyDecoder("llama-linear")
        let expected = try frequencies(llama.model())
        llama.configuration["rope_scaling"] = nil
        llama.configuration["rope_theta"] = nil
        #expect(try frequencies(llama.model()) != expected)
        llama.configuration["rope_parameters"] = [
            "rope_type": "linear", "factor": 2.5, "rope_theta": 10000.0,
        ]
        #expect(try frequencies(llama.model()) == expected)
        let gemma = try TinyDecoder("gemma3")
        let (global, local) = try (
            frequencies(gemma.model()), frequencies(gemma.model(), "rotary.local_frequencies")
        )
        #expect(global != local)
        for field in ["rope_scaling", "rope_theta", "rope_local_base_freq"] {
            gemma.configuration[field] = nil
        }
        gemma.configuration["rope_parameters"] = [
            "full_attention": ["rope_type": "linear", "factor": 8, "rope_theta": 1_000_000],
            "sliding_attention": ["rope_type": "default", "rope_theta": 50],
        ]
        #expect(try frequencies(gemma.model()) == global)
        #expect(try frequencies(gemma.model(), "rotary.local_frequencies") == local)
    }

    // MARK: - Products that lie in one tensor

    @Test func productsOfPhiAreRowsOfTensors() throws {
        let phi = try TinyDecoder("phi3")
        let model = try phi.model()
        for (name, tensor, rows) in [
            ("self_attn.q_proj", "self_attn.qkv_proj", 0..<32),
            ("self_attn.k_proj", "self_attn.qkv_proj", 32..<48),
            ("self_attn.v_proj", "self_attn.qkv_proj", 48..<64),
            ("mlp.gate_proj", "mlp.gate_up_proj", 0..<40),
            ("mlp.up_proj", "mlp.gate_up_proj", 40..<80),
        ] {
            let part = TensorPart(
                tensor: "model.layers.1.\(tensor).weight", elementType: .float32, rows: rows,
                columns: 0..<32)
            guard
                case .checkpointPart(part)? =
                    model.parameters["layers.1.\(name).weight"]?.storage
            else {
                Issue.record("\(name) is not part of a tensor")
                continue
            }
        }
        phi.configuration["num_attention_heads"] = 4
        expect(
            unsupported(
                "num_attention_heads", "4",
                "what gives 64 rows with 1 key and value heads and heads of 8"), phi)
        phi.configuration["head_dim"] = Int.max
        expect(
            unsupported(
                "num_attention_heads", "4",
                "what gives 64 rows with 1 key and value heads and heads of \(Int.max)"), phi)
    }

    // MARK: - GPT-2

    @Test func productsOfGPT2ArePartsOfTensors() throws {
        let model = try TinyDecoder("gpt2").model()
        #expect(model.family == "gpt2" && model.beginToken == 3 && model.endTokens == [3])
        #expect(model.maximumTokens == 128)
        let name = "h.0.attn.key.weight"
        guard case .checkpointPart(let part)? = model.parameters[name]?.storage else {
            Issue.record("\(name) is not part of a tensor")
            return
        }
        #expect(part.tensor == "transformer.h.0.attn.c_attn.weight" && part.isTransposed)
        #expect(part.rows == 0..<32 && part.columns == 32..<64)
    }

    @Test func headsOfGPT2MayLeaveOneLayer() throws {
        let (full, pruned) = (try TinyDecoder("gpt2"), try TinyDecoder("gpt2"))
        let output = "transformer.h.1.attn.c_proj.weight"
        let tensor = try #require(full.tensors[output])
        full.tensors[output] = Tensor(
            shape: tensor.shape,
            values: tensor.values.enumerated().map { $0.offset < 8 * 32 ? $0.element : 0 })
        try pruned.keep(rows: 0..<8, of: output)
        let fused = "transformer.h.1.attn.c_attn"
        let weight = try #require(pruned.tensors[fused + ".weight"])
        let kept = (0..<96).filter { $0 % 32 < 8 }
        pruned.tensors[fused + ".weight"] = weight.selectingColumns(kept)
        let bias = try #require(pruned.tensors[fused + ".bias"])
        pruned.tensors[fused + ".bias"] = Tensor(
            shape: [kept.count], values: kept.map { bias.values[$0] })
        #expect(try attentions(pruned.model()).map(\.headCount) == [4, 1])
        let ids: [Int32] = [5, 0, 95, 33]
        let expected = try ReferenceExecutor(model: full.model(), threadCount: 1)
            .run(tokenIDs: ids)[.logits]
        let found = try ReferenceExecutor(model: pruned.model(), threadCount: 1)
            .run(tokenIDs: ids)[.logits]
        #expect(
            try #require(expected).signalToNoiseRatio(ofApproximation: try #require(found)) > 100)
    }

    @Test func contradictionsOfGPT2AreNamed() throws {
        let gpt2 = try TinyDecoder("gpt2")
        let before = gpt2.configuration
        for (field, configured, found) in [
            ("n_layer", 3, 2), ("n_embd", 64, 32), ("vocab_size", 97, 96),
        ] {
            gpt2.configuration = before
            gpt2.configuration[field] = configured
            expect(.contradiction(field: field, configured: configured, found: found), gpt2)
        }
        gpt2.configuration = before
        gpt2.configuration["n_head"] = 5
        expect(.widthNotDivisible(tensor: "transformer.wte.weight", width: 32, by: 5), gpt2)
        gpt2.configuration = before
        gpt2.tensors["transformer.h.1.attn.c_attn.bias"] = Tensor(zeros: [95])
        expect(
            .wrongShape(
                tensor: "transformer.h.1.attn.c_attn.bias", expected: TensorPattern([96]),
                found: [95]), gpt2)
        gpt2.tensors["transformer.h.1.attn.c_attn.bias"] = nil
        expect(
            .missingTensor(
                "transformer.h.1.attn.c_attn.bias", expected: TensorPattern([96])), gpt2)
    }

    // MARK: - Parts

    private let null: Any = NSNull()

    private func attentions(_ model: Model) -> [Attention] {
        model.graph.nodes.compactMap { node in
            if case .attention(let attention) = node.operation { attention } else { nil }
        }
    }

    private func windows(_ model: Model) -> [Int?] {
        attentions(model).map(\.window)
    }

    /// The numbers of the layers whose queries are turned.
    private func rotaryLayers(_ model: Model) -> [String] {
        model.graph.nodes.filter { $0.name.hasSuffix(".q_rotary") }
            .map { String($0.name.split(separator: ".")[1]) }
    }

    private func frequencies(
        _ model: Model, _ name: String = "rotary.frequencies"
    ) throws -> [Float] {
        try #require(model.parameters[name]).floats(in: model.checkpoint).values
    }

    private func unsupported(_ field: String, _ value: String, _ supported: String) -> ModelError {
        .unsupportedValue(file: "config.json", field: field, value: value, supported: supported)
    }

    private func malformed(_ field: String, _ expected: String, _ found: String) -> ModelError {
        .malformedField(file: "config.json", field: field, expected: expected, found: found)
    }

    private func expect(
        _ error: ModelError, _ decoder: TinyDecoder,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try decoder.model() }
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    }
}
