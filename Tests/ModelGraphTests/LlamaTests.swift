import Checkpoints
import ModelGraph
import Tensors
import Testing

/// Llama and its relatives: what is taken from the configuration and what from the tensors.
@Suite struct LlamaTests {
    private let llama: TinyDecoder

    init() throws {
        llama = try TinyDecoder("llama")
    }

    // MARK: - Tasks

    @Test func decodersGenerate() throws {
        let model = try llama.model()
        #expect(model.family == "llama" && model.task == .generate && model.labels.isEmpty)
        #expect(model.vocabularySize == 96 && model.typeCount == 0 && model.maximumTokens == 128)
        #expect(model.beginToken == 1 && model.endTokens == [2, 5])
        #expect(try llama.model(task: .raw).task == .raw)
        #expect(try llama.model(task: .raw).graph == model.graph)
    }

    @Test func factsOfGenerationComeFromTheConfigurationIfNothingElseHasThem() throws {
        llama.generationConfiguration = nil
        llama.configuration["eos_token_id"] = [7, 7, 3]
        #expect(try llama.model().endTokens == [7, 3])
        llama.generationConfiguration = ["bos_token_id": 9]
        #expect(try llama.model().endTokens == [7, 3])
        #expect(try llama.model().beginToken == 9)
        llama.configuration["eos_token_id"] = nil
        #expect(try llama.model().endTokens.isEmpty)
    }

    @Test(arguments: [96, -1])
    func tokensOfGenerationAreInTheVocabulary(id: Int) {
        llama.generationConfiguration?["eos_token_id"] = [2, id]
        expect(
            .malformedField(
                file: "generation_config.json", field: "eos_token_id",
                expected: "a token id below 96", found: "\(id)"))
    }

    @Test func otherTasksAreNotAvailable() {
        expect(.taskUnavailable(.classify, missing: "classifier"), task: .classify)
        expect(.taskUnavailable(.embed, missing: "pooling that is supported"), task: .embed)
    }

    @Test func otherHeadsAreRefusedUnlessTheyAreNotWanted() throws {
        llama.configuration["architectures"] = ["LlamaForSequenceClassification"]
        llama.tensors["score.weight"] = Tensor(zeros: [3, 32])
        expect(.unsupportedHead(architecture: "LlamaForSequenceClassification"))
        #expect(try llama.model(task: .raw).unusedTensors == ["score.weight"])
    }

    @Test func aBareModelGivesItsHiddenState() throws {
        let whole = try llama.model()
        llama.tensors["lm_head.weight"] = nil
        llama.tensors = Dictionary(
            uniqueKeysWithValues: llama.tensors.map { (String($0.key.dropFirst(6)), $0.value) })
        llama.configuration["architectures"] = ["LlamaModel"]
        let model = try llama.model()
        #expect(model.task == .raw && Set(model.graph.outputs.keys) == [.hiddenState])
        #expect(try run(model)[.hiddenState] == run(whole)[.hiddenState])
        expect(.noHead(tensor: "lm_head.weight"), task: .generate)
    }

    @Test func aModelForTextNeedsAHead() {
        llama.tensors["lm_head.weight"] = nil
        expect(.noHead(tensor: "lm_head.weight"))
        llama.configuration["tie_word_embeddings"] = nil
        expect(.noHead(tensor: "lm_head.weight"))
        #expect(throws: Never.self) { try llama.model(task: .raw) }
    }

    @Test func aTiedHeadIsTheTokenTable() throws {
        llama.configuration["tie_word_embeddings"] = true
        let model = try llama.model()
        let heads = model.graph.nodes.compactMap { node -> String? in
            guard case .linear(let linear) = node.operation, node.name.hasPrefix("lm_head")
            else { return nil }
            return linear.weight
        }
        #expect(heads == ["embed_tokens.weight", "embed_tokens.weight"])
        #expect(model.parameters["lm_head.weight"] == nil)
        #expect(model.unusedTensors == ["lm_head.weight"])
    }

    // MARK: - Tensors

    @Test func headsMayLeaveOneLayer() throws {
        // Without the second group's columns of the output projection, the group has no say.
        let full = try TinyDecoder("llama")
        let projection = "model.layers.1.self_attn.o_proj.weight"
        let tensor = try #require(full.tensors[projection])
        full.tensors[projection] = Tensor(
            shape: tensor.shape,
            values: tensor.values.enumerated().map { $0.offset % 32 < 16 ? $0.element : 0 })
        for (part, rows) in [("q", 16), ("k", 8), ("v", 8)] {
            try llama.keep(rows: 0..<rows, of: "model.layers.1.self_attn.\(part)_proj.weight")
        }
        try llama.keep(columns: 0..<16, of: projection)
        let pruned = try llama.model()
        let attentions = pruned.graph.nodes.compactMap { node in
            if case .attention(let attention) = node.operation { attention } else { nil }
        }
        #expect(attentions.map(\.headCount) == [4, 2])
        #expect(attentions.map(\.keyValueHeadCount) == [2, 1])
        let found = try #require(try run(pruned)[.logits])
        let expected = try #require(try run(full.model())[.logits])
        #expect(expected.signalToNoiseRatio(ofApproximation: found) > 100)
    }

    @Test func layersWithoutHeadsOrNeuronsRun() throws {
        for part in ["q", "k", "v"] {
            try llama.keep(rows: 0..<0, of: "model.layers.1.self_attn.\(part)_proj.weight")
        }
        try llama.keep(columns: 0..<0, of: "model.layers.1.self_attn.o_proj.weight")
        for part in ["gate", "up"] {
            try llama.keep(rows: 0..<0, of: "model.layers.0.mlp.\(part)_proj.weight")
        }
        try llama.keep(columns: 0..<0, of: "model.layers.0.mlp.down_proj.weight")
        #expect(try run(llama.model())[.logits]?.nonFiniteCount == 0)
    }

    @Test func missingTensorsAreNamed() {
        let all = llama.tensors
        for name in all.keys where name != "lm_head.weight" {
            llama.tensors = all
            llama.tensors[name] = nil
            #expect("\(name)") {
                try llama.model()
            } throws: { error in
                // Without the token table nothing says that names have a prefix.
                guard case .missingTensor(let missing, _) = error as? ModelError else {
                    return false
                }
                return name.hasSuffix(missing)
            }
        }
    }

    @Test func additionalTensorsAreNamed() throws {
        llama.tensors["model.layers.0.extra"] = Tensor(zeros: [2])
        llama.tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = Tensor(zeros: [4])
        #expect(try llama.model().unusedTensors == ["model.layers.0.extra"])
    }

    @Test func biasesAreAsTheTensorsSay() throws {
        #expect(try biasedProducts(of: llama.model()).isEmpty)
        llama.configuration["attention_bias"] = true
        expect(
            .missingTensor(
                "model.layers.0.self_attn.q_proj.bias", expected: TensorPattern([32])))
        let qwen = try TinyDecoder("qwen2").model()
        #expect(try biasedProducts(of: qwen) == ["k_proj", "q_proj", "v_proj"])
        let biased = try TinyDecoder("llama-biases").model()
        #expect(
            try biasedProducts(of: biased) == [
                "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
            ])
    }

    private func biasedProducts(of model: Model) throws -> Set<String> {
        Set(
            model.graph.nodes.compactMap { node in
                guard case .linear(let linear) = node.operation, linear.bias != nil else {
                    return nil
                }
                return node.name.split(separator: ".").last.map(String.init)
            })
    }

    // MARK: - Contradictions

    @Test(arguments: [
        ("num_hidden_layers", 3, 2), ("hidden_size", 16, 32), ("vocab_size", 95, 96),
        ("num_key_value_heads", 4, 2), ("intermediate_size", 41, 40),
    ])
    func contradictionsAreNamed(field: String, configured: Int, found: Int) {
        llama.configuration[field] = configured
        expect(.contradiction(field: field, configured: configured, found: found))
    }

    @Test func headsMustFitTheirSize() {
        llama.configuration["head_dim"] = 8
        llama.configuration["num_attention_heads"] = 2
        expect(.contradiction(field: "num_attention_heads", configured: 2, found: 4))
        llama.configuration["head_dim"] = 5
        expect(
            .widthNotDivisible(
                tensor: "model.layers.0.self_attn.q_proj.weight", width: 32, by: 5))
        llama.configuration["head_dim"] = Int.max
        expect(
            .widthNotDivisible(
                tensor: "model.layers.0.self_attn.q_proj.weight", width: 32, by: .max))
        llama.configuration["head_dim"] = nil
        llama.configuration["num_attention_heads"] = 5
        expect(.widthNotDivisible(tensor: "model.embed_tokens.weight", width: 32, by: 5))
    }

    @Test func groupsOfHeadsMustBeAlike() throws {
        try llama.keep(rows: 0..<24, of: "model.layers.0.self_attn.q_proj.weight")
        expect(
            .widthNotDivisible(
                tensor: "model.layers.0.self_attn.q_proj.weight", width: 24, by: 16))
    }

    @Test(arguments: ["mixtral", "qwen2_moe", "qwen3_moe", "gemma3", "phi"])
    func otherFamiliesAreNamed(family: String) {
        llama.configuration["model_type"] = family
        expect(.unsupportedArchitecture(family))
    }

    @Test func fieldsThatAreNotSupportedAreNamed() {
        let activations = "gelu, gelu_new, relu, silu, tanh, sigmoid"
        let scalings = "default, linear, dynamic, llama3, yarn, longrope"
        let cases: [(String, Any, ModelError)] = [
            ("hidden_act", "mish", unsupported("hidden_act", "mish", activations)),
            (
                "rope_scaling", ["rope_type": "mrope"],
                unsupported("rope_scaling.rope_type", "mrope", scalings)
            ),
            (
                "rope_scaling", ["type": "linear"],
                malformed("rope_scaling.factor", "a positive number", "nothing")
            ),
            (
                "rope_scaling", ["type": "linear", "factor": -2],
                malformed("rope_scaling.factor", "a positive number", "-2")
            ),
            ("rope_scaling", 7, malformed("rope_scaling", "an object", "7")),
            (
                "rope_scaling", ["rope_type": "longrope", "factor": 2, "short_factor": [1, 2, 3]],
                unsupported("rope_scaling.short_factor", "of 3 numbers", "4 numbers")
            ),
            (
                "partial_rotary_factor", 0.1,
                unsupported(
                    "partial_rotary_factor", "0.1", "an even number of the 8 columns of a head")
            ),
            (
                "partial_rotary_factor", 1.5,
                unsupported(
                    "partial_rotary_factor", "1.5", "an even number of the 8 columns of a head")
            ),
            (
                "quantization_config", ["quant_method": "gptq"],
                unsupported("quantization_config", "gptq", "float weights")
            ),
            (
                "max_position_embeddings", 1 << 40,
                unsupported("max_position_embeddings", "\(1 << 40)", "at most 2147483647")
            ),
            (
                "tie_word_embeddings", "no",
                malformed("tie_word_embeddings", "a boolean", "'no'")
            ),
        ]
        for (field, value, error) in cases {
            let before = llama.configuration
            llama.configuration[field] = value
            expect(error)
            llama.configuration = before
        }
        llama.configuration["max_position_embeddings"] = nil
        expect(malformed("max_position_embeddings", "a positive integer", "nothing"))
    }

    @Test func longContextsCostNothing() throws {
        llama.configuration["max_position_embeddings"] = Int(Int32.max)
        let model = try llama.model()
        #expect(model.maximumTokens == Int(Int32.max))
        #expect(try run(model)[.logits] == run(TinyDecoder("llama").model())[.logits])
    }

    // MARK: - Parts

    private func run(_ model: Model) throws -> [OutputRole: Tensor] {
        try ReferenceExecutor(model: model, threadCount: 1).run(tokenIDs: [3, 95, 0, 7, 7])
    }

    private func unsupported(_ field: String, _ value: String, _ supported: String) -> ModelError {
        .unsupportedValue(file: "config.json", field: field, value: value, supported: supported)
    }

    private func malformed(_ field: String, _ expected: String, _ found: String) -> ModelError {
        .malformedField(file: "config.json", field: field, expected: expected, found: found)
    }

    private func expect(
        _ error: ModelError, task: ModelTask? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) { try llama.model(task: task) }
        #expect(
            !error.description.isEmpty && !error.description.contains("\n"),
            sourceLocation: sourceLocation)
    }
}
