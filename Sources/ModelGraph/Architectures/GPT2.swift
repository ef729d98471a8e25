import Checkpoints

/// GPT-2: learned positions, normalizations before attention and feed-forward network.
///
/// Radford et al. 2019. Its products are stored as `[inputs, outputs]`, and queries, keys and values
/// as one product; parameters are parts of these tensors (`TensorPart`). Sizes come from the tensors,
/// layer by layer.
struct GPT2Architecture {
    private let checkpoint: Checkpoint
    private let configuration: ConfigurationFile
    private let activation: Activation
    private let epsilon: Float
    private var binder: ParameterBinder
    private var graph = Graph()
    private var headCounts: [Int] = []

    private static let tokenTable = "wte.weight"
    private static let positionTable = "wpe.weight"

    init(checkpoint: Checkpoint, configuration: ConfigurationFile) throws(ModelError) {
        self.checkpoint = checkpoint
        self.configuration = configuration
        activation = try Activation(
            configured: try configuration.string("activation_function") ?? "gelu_new",
            field: "activation_function")
        epsilon = try configuration.positiveNumber("layer_norm_epsilon") ?? 1e-5
        let isPrefixed = checkpoint.contains("transformer." + Self.tokenTable)
        // The mask, and the number that stands for minus infinity.
        binder = ParameterBinder(
            checkpoint: checkpoint, prefix: isPrefixed ? "transformer." : "",
            unprefixed: ["lm_head."], bufferSuffixes: [".attn.bias", ".attn.masked_bias"])
    }

    /// - Parameter architecture: The class that the checkpoint was saved from, if known.
    consuming func model(task: ModelTask?, architecture: String?) throws(ModelError) -> Model {
        try configuration.refuseQuantizedWeights()
        if try configuration.bool("add_cross_attention") == true {
            throw configuration.unsupported("add_cross_attention", "true", "false")
        }
        let tokens = try binder.bind(Self.tokenTable, [nil, nil])
        let columns = tokens[1]
        let positions = try binder.bind(Self.positionTable, [nil, columns])[0]
        try configuration.expect("vocab_size", toBe: tokens[0])
        try configuration.expect("n_embd", toBe: columns)
        let head = try DecoderHead.bind(
            &binder, configuration, tokenTable: Self.tokenTable, tokenShape: tokens, isTied: true,
            task: task, architecture: architecture)
        let task = try DecoderHead.task(task, hasHead: head != nil, architecture: architecture)
        let headSize = try headSize(columns: columns)
        let layerCount = try binder.layerCount("h.")
        try configuration.expect("n_layer", toBe: layerCount)

        let terms = [
            EmbeddingTerm(table: Self.tokenTable, index: .tokenIDs),
            EmbeddingTerm(table: Self.positionTable, index: .positions(offset: 0)),
        ]
        var state = graph.append(
            "embeddings", .embedding(terms), inputs: [], rows: .tokens, columnCount: columns)
        for layer in 0..<layerCount {
            state = try appendLayer(layer, state, columns: columns, headSize: headSize)
        }
        state = try appendNormalization("ln_f", state)
        graph.appendHead(head, state)
        try checkHeadCounts()
        let facts = try GenerationFacts(
            checkpoint: checkpoint, configuration: configuration, vocabularySize: tokens[0])
        return Model(
            family: "gpt2", task: task, graph: graph, parameters: binder.parameters, labels: [],
            maximumTokens: min(positions, try configuration.count("n_positions") ?? positions),
            vocabularySize: tokens[0], typeCount: 0, beginToken: facts.beginToken,
            endTokens: facts.endTokens, checkpoint: checkpoint,
            unusedTensors: binder.unusedTensors)
    }

    private func headSize(columns: Int) throws(ModelError) -> Int {
        let headCount = try configuration.requiredCount("n_head")
        guard columns > 0, columns % headCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(Self.tokenTable), width: columns, by: headCount)
        }
        return columns / headCount
    }

    /// Layers that differ have lost heads; else the number is that of the configuration.
    private func checkHeadCounts() throws(ModelError) {
        guard let largest = headCounts.max() else { return }
        let configured = try configuration.requiredCount("n_head")
        let isUniform = headCounts.allSatisfy { $0 == largest }
        if largest > configured || (isUniform && largest != configured) {
            throw .contradiction(field: "n_head", configured: configured, found: largest)
        }
    }

    // MARK: - The graph

    private mutating func appendLayer(
        _ layer: Int, _ input: ValueID, columns: Int, headSize: Int
    ) throws(ModelError) -> ValueID {
        let name = "h.\(layer)"
        let normal = try appendNormalization(name + ".ln_1", input)
        let attended = try appendAttention(
            name + ".attn", normal, layer: layer, columns: columns, headSize: headSize)
        let middle = graph.append(
            name + ".attn.add", .add, inputs: [attended, input], rows: .tokens,
            columnCount: columns)
        let second = try appendNormalization(name + ".ln_2", middle)
        let inner = try appendLinear(name + ".mlp.c_fc", second)
        let activated = graph.append(
            name + ".mlp.activation", .activation(activation), inputs: [inner], rows: .tokens,
            columnCount: graph[inner].columnCount)
        let output = try appendLinear(name + ".mlp.c_proj", activated, outputs: columns)
        return graph.append(
            name + ".mlp.add", .add, inputs: [output, middle], rows: .tokens, columnCount: columns)
    }

    private mutating func appendAttention(
        _ name: String, _ input: ValueID, layer: Int, columns: Int, headSize: Int
    ) throws(ModelError) -> ValueID {
        let source = name + ".c_attn"
        let fused = try binder.find(source + ".weight", [columns, nil]).shape[1]
        guard fused % (3 * headSize) == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(source + ".weight"), width: fused, by: 3 * headSize)
        }
        let width = fused / 3
        headCounts.append(width / headSize)
        var inputs: [ValueID] = []
        for (part, role) in ["query", "key", "value"].enumerated() {
            inputs.append(
                try appendLinear(
                    "\(name).\(role)", input, of: source, outputs: fused,
                    part: part * width..<(part + 1) * width))
        }
        var scale = 1.0
        if try configuration.bool("scale_attn_weights") ?? true {
            scale /= Double(headSize).squareRoot()
        }
        if try configuration.bool("scale_attn_by_inverse_layer_idx") ?? false {
            scale /= Double(layer + 1)
        }
        let attention = Attention(
            headCount: width / headSize, keyValueHeadCount: width / headSize, headSize: headSize,
            valueSize: headSize, scale: Float(scale), mask: .causal)
        let mixed = graph.append(
            name, .attention(attention), inputs: inputs, rows: .tokens, columnCount: width)
        return try appendLinear(name + ".c_proj", mixed, outputs: columns)
    }

    /// A product of a tensor `[inputs, outputs]`, or of some of its outputs.
    ///
    /// - Parameters:
    ///   - source: What the tensor is called, if not like the node.
    ///   - outputs: Of the tensor.
    ///   - part: The outputs that are taken; nil for all.
    private mutating func appendLinear(
        _ name: String, _ input: ValueID, of source: String? = nil, outputs: Int? = nil,
        part: Range<Int>? = nil
    ) throws(ModelError) -> ValueID {
        let source = source ?? name
        let inputs = graph[input].columnCount
        let all = try binder.find(source + ".weight", [inputs, outputs]).shape[1]
        _ = try binder.find(source + ".bias", [all])
        let taken = part ?? 0..<all
        let linear = Linear(weight: name + ".weight", bias: name + ".bias")
        try binder.bindPart(
            name + ".weight", of: source + ".weight", rows: 0..<inputs, columns: taken,
            isTransposed: true)
        try binder.bindPart(name + ".bias", of: source + ".bias", rows: taken, columns: nil)
        return graph.append(
            name, .linear(linear), inputs: [input], rows: .tokens, columnCount: taken.count)
    }

    private mutating func appendNormalization(
        _ name: String, _ input: ValueID
    ) throws(ModelError) -> ValueID {
        let columns = graph[input].columnCount
        let normalization = try binder.bindNormalization(
            name, columns: columns, epsilon: epsilon)
        return graph.append(
            name, .layerNormalization(normalization), inputs: [input], rows: .tokens,
            columnCount: columns)
    }
}
