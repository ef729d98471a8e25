import Checkpoints

/// Llama and the decoders that share its layout: `LlamaTraits` has what they differ in.
///
/// Sizes come from the tensors, layer by layer, so that layers may differ in heads and in the width of
/// the feed-forward network; the configuration says what tensors cannot: the size of a head, the
/// rotary embedding, windows, the activation and epsilon.
struct LlamaArchitecture {
    private let checkpoint: Checkpoint
    let configuration: ConfigurationFile
    let traits: LlamaTraits
    let activation: Activation
    let epsilon: Float
    let maximumTokens: Int
    var rotary: LlamaRotary
    var binder: ParameterBinder
    var graph = Graph()
    /// Heads, heads of keys and values, and neurons of each layer.
    var sizes: [String: [Int]] = [:]

    static let tokenTable = "embed_tokens.weight"

    init(
        checkpoint: Checkpoint, configuration: ConfigurationFile, traits: LlamaTraits
    ) throws(ModelError) {
        self.checkpoint = checkpoint
        self.configuration = configuration
        self.traits = traits
        activation = try Self.activation(traits, configuration)
        epsilon = try configuration.positiveNumber("rms_norm_eps") ?? traits.defaultEpsilon
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

    /// What caps scores; only Gemma has fields for it.
    func cap(_ field: String, default cap: Float) throws(ModelError) -> Float? {
        guard traits.capsScores || traits.hasQueryScalar else { return nil }
        if configuration.json[field] == nil { return traits.capsScores ? cap : nil }
        return try configuration.positiveNumber(field)
    }

    func headSize(columns: Int) throws(ModelError) -> Int {
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
}
