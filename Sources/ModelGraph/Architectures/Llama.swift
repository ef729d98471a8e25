import Checkpoints

/// Llama and the decoders that share its layout: `LlamaTraits` has what they differ in.
///
/// Sizes come from the tensors, layer by layer, so that layers may differ in heads and in the width of
/// the feed-forward network; the configuration says what tensors cannot: the size of a head, the
/// rotary embedding, windows, the activation and epsilon.
struct LlamaArchitecture {
    private let checkpoint: Checkpoint
    private let configuration: ConfigurationFile
    private let traits: LlamaTraits
    private let activation: Activation
    private let epsilon: Float
    private let maximumTokens: Int
    private var rotary: LlamaRotary
    private var binder: ParameterBinder
    private var graph = Graph()
    /// Heads, heads of keys and values, and neurons of each layer.
    private var sizes: [String: [Int]] = [:]

    private static let tokenTable = "embed_tokens.weight"

    init(
        checkpoint: Checkpoint, configuration: ConfigurationFile, traits: LlamaTraits
    ) throws(ModelError) {
        self.checkpoint = checkpoint
        self.configuration = configuration
        self.traits = traits
        activation = try Self.activation(traits, configuration)
        epsilon = try configuration.positiveNumber("rms_norm_eps") ?? 1e-6
        maximumTokens = try configuration.maximumTokens("max_position_embeddings")
        rotary = LlamaRotary(traits, configuration, maximumTokens: maximumTokens)
        let isPrefixed = checkpoint.contains("model." + Self.tokenTable)
        binder = ParameterBinder(
            checkpoint: checkpoint, prefix: isPrefixed ? "model." : "", unprefixed: ["lm_head."],
            bufferSuffixes: [".rotary_emb.inv_freq"])
    }

    private static func activation(
        _ traits: LlamaTraits, _ configuration: ConfigurationFile
    ) throws(ModelError) -> Activation {
        for field in traits.activationFields {
            guard let name = try configuration.string(field) else { continue }
            return try Activation(configured: name, field: field)
        }
        return try Activation(
            configured: traits.defaultActivation, field: traits.activationFields[0])
    }

    /// - Parameter architecture: The class that the checkpoint was saved from, if known.
    consuming func model(task: ModelTask?, architecture: String?) throws(ModelError) -> Model {
        try configuration.refuseQuantizedWeights()
        for field in ["use_bidirectional_attention", "is_encoder_decoder"]
        where try configuration.bool(field) == true {
            throw configuration.unsupported(field, "true", "false")
        }
        let tokens = try binder.bind(Self.tokenTable, [nil, nil])
        try configuration.expect("vocab_size", toBe: tokens[0])
        try configuration.expect("hidden_size", toBe: tokens[1])
        var head = try DecoderHead.bind(
            &binder, configuration, tokenTable: Self.tokenTable, tokenShape: tokens,
            isTied: traits.tiesHead, task: task, architecture: architecture)
        head?.cap = try cap("final_logit_softcapping", default: 30)
        let task = try DecoderHead.task(task, hasHead: head != nil, architecture: architecture)
        let layerCount = try binder.layerCount("layers.")
        try configuration.expect("num_hidden_layers", toBe: layerCount)
        let plans = try LlamaLayerPlan.plans(traits, configuration, layerCount: layerCount)

        var state = appendEmbedding(columns: tokens[1])
        for (layer, plan) in plans.enumerated() {
            state = try appendLayer("layers.\(layer)", state, plan, columns: tokens[1])
        }
        state = try appendNormalization("norm", state, groupSize: tokens[1])
        graph.appendHead(head, state)
        try checkSizes()
        let facts = try GenerationFacts(
            checkpoint: checkpoint, configuration: configuration, vocabularySize: tokens[0])
        return Model(
            family: traits.family, task: task, graph: graph, parameters: binder.parameters,
            labels: [], maximumTokens: min(maximumTokens, rotary.maximumTokens ?? maximumTokens),
            vocabularySize: tokens[0], typeCount: 0, beginToken: facts.beginToken,
            endTokens: facts.endTokens, checkpoint: checkpoint,
            unusedTensors: binder.unusedTensors)
    }

    // MARK: - What the configuration allows

    private func cap(_ field: String, default cap: Float) throws(ModelError) -> Float? {
        guard traits.capsScores || traits.hasQueryScalar else { return nil }
        if configuration.json[field] == nil { return traits.capsScores ? cap : nil }
        return try configuration.positiveNumber(field)
    }

    private func headSize(columns: Int) throws(ModelError) -> Int {
        let headCount = try configuration.requiredCount("num_attention_heads")
        if let size = try configuration.count("head_dim") ?? traits.defaultHeadSize { return size }
        guard columns > 0, columns % headCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(Self.tokenTable), width: columns, by: headCount)
        }
        return columns / headCount
    }

    /// Checks that what the tensors have is what the configuration says.
    ///
    /// Layers that differ have lost heads or neurons: none may have more than the configuration says.
    private func checkSizes() throws(ModelError) {
        let heads = try configuration.requiredCount("num_attention_heads")
        let configured = [
            "num_attention_heads": heads,
            "num_key_value_heads": try configuration.count("num_key_value_heads"),
            "intermediate_size": try configuration.count("intermediate_size"),
        ]
        for (field, count) in configured.sorted(by: { $0.key < $1.key }) {
            guard let count, let found = sizes[field], let largest = found.max() else { continue }
            let isUniform = found.allSatisfy { $0 == largest }
            if largest > count || (isUniform && largest != count) {
                throw .contradiction(field: field, configured: count, found: largest)
            }
        }
    }

    // MARK: - The graph

    private mutating func appendEmbedding(columns: Int) -> ValueID {
        let terms = [EmbeddingTerm(table: Self.tokenTable, index: .tokenIDs)]
        let embedded = graph.append(
            "embed_tokens", .embedding(terms), inputs: [], rows: .tokens, columnCount: columns)
        guard traits.scalesEmbedding else { return embedded }
        return graph.append(
            "embed_tokens.scaled", .scale(Float(Double(columns).squareRoot())),
            inputs: [embedded], rows: .tokens, columnCount: columns)
    }

    private mutating func appendLayer(
        _ name: String, _ input: ValueID, _ plan: LlamaLayerPlan, columns: Int
    ) throws(ModelError) -> ValueID {
        let normal = try appendNormalization(name + ".input_layernorm", input, groupSize: columns)
        var attended = try appendAttention(name + ".self_attn", normal, plan, columns: columns)
        if traits.normalizesBranches {
            attended = try appendNormalization(
                name + ".post_attention_layernorm", attended, groupSize: columns)
        }
        let middle = graph.append(
            name + ".self_attn.add", .add, inputs: [attended, input], rows: .tokens,
            columnCount: columns)
        let second =
            traits.normalizesBranches ? "pre_feedforward_layernorm" : "post_attention_layernorm"
        let inner = try appendNormalization("\(name).\(second)", middle, groupSize: columns)
        var output = try appendFeedForward(name + ".mlp", inner, columns: columns)
        if traits.normalizesBranches {
            output = try appendNormalization(
                name + ".post_feedforward_layernorm", output, groupSize: columns)
        }
        return graph.append(
            name + ".mlp.add", .add, inputs: [output, middle], rows: .tokens, columnCount: columns)
    }

    private mutating func appendAttention(
        _ name: String, _ input: ValueID, _ plan: LlamaLayerPlan, columns: Int
    ) throws(ModelError) -> ValueID {
        let size = try headSize(columns: columns)
        let needsBias = try configuration.bool("attention_bias") ?? false
        var query = try appendLinear(name + ".q_proj", input, needsBias: needsBias)
        var key = try appendLinear(name + ".k_proj", input, needsBias: needsBias)
        let headCount = try heads(of: query, size: size)
        let sharedCount = try heads(of: key, size: size)
        let value = try appendLinear(
            name + ".v_proj", input, outputs: graph[key].columnCount, needsBias: needsBias)
        sizes["num_attention_heads", default: []].append(headCount)
        sizes["num_key_value_heads", default: []].append(sharedCount)
        guard sharedCount == 0 ? headCount == 0 : headCount % sharedCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(name + ".q_proj.weight"), width: headCount * size,
                by: sharedCount * size)
        }
        if traits.normalizesHeads {
            query = try appendNormalization(name + ".q_norm", query, groupSize: size)
            key = try appendNormalization(name + ".k_norm", key, groupSize: size)
        }
        if plan.isRotary, headCount > 0 {
            let operation = try rotary.operation(
                isLocal: plan.isLocal, headSize: size, binder: &binder)
            query = appendRotary(name + ".q_rotary", operation, query)
            key = appendRotary(name + ".k_rotary", operation, key)
        }
        let divisor =
            traits.hasQueryScalar
            ? try configuration.positiveDouble("query_pre_attn_scalar") ?? 256 : Double(size)
        let attention = Attention(
            headCount: headCount, keyValueHeadCount: sharedCount, headSize: size, valueSize: size,
            scale: Float(1 / divisor.squareRoot()), mask: .causal,
            window: plan.window.flatMap { $0 < maximumTokens ? $0 : nil },
            scoreCap: try cap("attn_logit_softcapping", default: 50))
        if attention.scoreCap != nil, !traits.capsScores {
            throw configuration.unsupported("attn_logit_softcapping", "other than null", "null")
        }
        let mixed = graph.append(
            name, .attention(attention), inputs: [query, key, value], rows: .tokens,
            columnCount: headCount * size)
        return try appendLinear(name + ".o_proj", mixed, outputs: columns, needsBias: false)
    }

    /// Heads of a value of queries or keys.
    private func heads(of value: ValueID, size: Int) throws(ModelError) -> Int {
        let width = graph[value].columnCount
        guard width % size == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(graph[value].name + ".weight"), width: width, by: size)
        }
        return width / size
    }

    private mutating func appendRotary(
        _ name: String, _ operation: RotaryEmbedding, _ input: ValueID
    ) -> ValueID {
        graph.append(
            name, .rotary(operation), inputs: [input], rows: .tokens,
            columnCount: graph[input].columnCount)
    }

    /// down(activation(gate) · up); Shazeer 2020 (arXiv 2002.05202).
    private mutating func appendFeedForward(
        _ name: String, _ input: ValueID, columns: Int
    ) throws(ModelError) -> ValueID {
        let needsBias = try configuration.bool("mlp_bias") ?? false
        let gate = try appendLinear(name + ".gate_proj", input, needsBias: needsBias)
        let width = graph[gate].columnCount
        sizes["intermediate_size", default: []].append(width)
        let activated = graph.append(
            name + ".activation", .activation(activation), inputs: [gate], rows: .tokens,
            columnCount: width)
        let raised = try appendLinear(
            name + ".up_proj", input, outputs: width, needsBias: needsBias)
        let gated = graph.append(
            name + ".gated", .multiply, inputs: [activated, raised], rows: .tokens,
            columnCount: width)
        return try appendLinear(name + ".down_proj", gated, outputs: columns, needsBias: needsBias)
    }

    private mutating func appendLinear(
        _ name: String, _ input: ValueID, outputs: Int? = nil, needsBias: Bool
    ) throws(ModelError) -> ValueID {
        let (linear, width) = try binder.bindLinear(
            name, inputs: graph[input].columnCount, outputs: outputs, needsBias: needsBias)
        return graph.append(
            name, .linear(linear), inputs: [input], rows: .tokens, columnCount: width)
    }

    private mutating func appendNormalization(
        _ name: String, _ input: ValueID, groupSize: Int
    ) throws(ModelError) -> ValueID {
        let gamma = name + ".weight"
        if traits.addsOneToGamma {
            try binder.bindVector(gamma, count: groupSize) { 1 + $0 }
        } else {
            try binder.bind(gamma, [groupSize])
        }
        let normalization = RMSNormalization(gamma: gamma, epsilon: epsilon)
        return graph.append(
            name, .rmsNormalization(normalization), inputs: [input], rows: .tokens,
            columnCount: graph[input].columnCount)
    }
}
