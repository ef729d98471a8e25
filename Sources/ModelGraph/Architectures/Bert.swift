import Checkpoints

/// BERT and what shares its layout, as MiniLM does.
///
/// Devlin et al. 2018. Sizes come from the tensors, layer by layer; the configuration says only what tensors cannot:
/// the size of a head, the activation, epsilon, and what the model is for.
struct BertArchitecture {
    private let checkpoint: Checkpoint
    private let configuration: ConfigurationFile
    private let activation: Activation
    private let epsilon: Float
    private var binder: ParameterBinder
    private var graph = Graph()

    init(checkpoint: Checkpoint, configuration: ConfigurationFile) throws(ModelError) {
        self.checkpoint = checkpoint
        self.configuration = configuration
        activation = try Activation(
            configured: try configuration.string("hidden_act") ?? "gelu", field: "hidden_act")
        epsilon = try configuration.positiveNumber("layer_norm_eps") ?? 1e-12
        let isPrefixed = checkpoint.contains("bert." + Self.tokenTable)
        binder = ParameterBinder(
            checkpoint: checkpoint, prefix: isPrefixed ? "bert." : "",
            unprefixed: ["classifier."])
    }

    private static let tokenTable = "embeddings.word_embeddings.weight"
    private static let positionTable = "embeddings.position_embeddings.weight"
    private static let typeTable = "embeddings.token_type_embeddings.weight"
    /// Architectures whose head would be left out without a word.
    private static let unsupportedHeads = [
        "BertForTokenClassification", "BertForQuestionAnswering", "BertForMultipleChoice",
        "BertForNextSentencePrediction",
    ]

    /// - Parameter architecture: The class that the checkpoint was saved from, if known.
    consuming func model(task: ModelTask?, architecture: String?) throws(ModelError) -> Model {
        try checkThatItIsAnEncoder()
        let tokens = try binder.bind(Self.tokenTable, [nil, nil])
        let columns = tokens[1]
        let headSize = try headSize(columns: columns)
        let embedded = try appendEmbeddings(columns: columns)
        let layerCount = try binder.layerCount("encoder.layer.")
        try expect("num_hidden_layers", toBe: layerCount)
        var state = embedded.output
        for layer in 0..<layerCount {
            state = try appendLayer(
                "encoder.layer.\(layer)", state, columns: columns, headSize: headSize)
        }
        graph.outputs[.hiddenState] = state

        let purpose = try purpose(task: task, architecture: architecture, columns: columns)
        var labels: [String] = []
        switch purpose {
        case .classify:
            labels = try appendClassifier(state, columns: columns)
        case .embed(let sentence):
            appendPooling(sentence, state, columns: columns)
        case .raw:
            if binder.has("pooler.dense.weight") {
                graph.outputs[.pooled] = try appendPooler(state, columns: columns)
            }
        }
        return Model(
            family: "bert", task: purpose.task, graph: graph, parameters: binder.parameters,
            labels: labels, maximumTokens: try maximumTokens(positions: embedded.positions),
            vocabularySize: tokens[0], typeCount: embedded.types, checkpoint: checkpoint,
            unusedTensors: binder.unusedTensors)
    }

    // MARK: - What the configuration allows

    private func checkThatItIsAnEncoder() throws(ModelError) {
        let kind = try configuration.string("position_embedding_type") ?? "absolute"
        guard kind == "absolute" else {
            throw .unsupportedValue(
                file: configuration.name, field: "position_embedding_type", value: kind,
                supported: "absolute")
        }
        for field in ["is_decoder", "add_cross_attention"]
        where try configuration.bool(field) == true {
            throw .unsupportedValue(
                file: configuration.name, field: field, value: "true", supported: "false")
        }
        for name in checkpoint.tensorNames where name.contains(".crossattention.") {
            throw .crossAttention(tensor: name)
        }
    }

    private func expect(_ field: String, toBe found: Int) throws(ModelError) {
        if let configured = try configuration.count(field), configured != found {
            throw .contradiction(field: field, configured: configured, found: found)
        }
    }

    private func headSize(columns: Int) throws(ModelError) -> Int {
        try expect("hidden_size", toBe: columns)
        let headCount = try configuration.requiredCount("num_attention_heads")
        guard columns > 0, columns % headCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.prefix + Self.tokenTable, width: columns, by: headCount)
        }
        return columns / headCount
    }

    private func maximumTokens(positions: Int) throws(ModelError) -> Int {
        let limits = [
            try configuration.count("max_position_embeddings"),
            try SentenceTransformer.maximumTokens(checkpoint),
        ]
        return limits.compactMap { $0 }.reduce(positions, min)
    }

    private enum Purpose {
        case classify
        case embed(SentenceTransformer)
        case raw

        var task: ModelTask {
            switch self {
            case .classify: .classify
            case .embed: .embed
            case .raw: .raw
            }
        }
    }

    private func purpose(
        task: ModelTask?, architecture: String?, columns: Int
    ) throws(ModelError) -> Purpose {
        let hasClassifier =
            checkpoint.contains("classifier.weight") && binder.has("pooler.dense.weight")
        let head = Self.unsupportedHeads.first { $0 == architecture }
        switch task {
        case .raw:
            return .raw
        case .classify:
            if let head { throw .unsupportedHead(architecture: head) }
            guard hasClassifier else {
                throw .taskUnavailable(.classify, missing: "pooler and classifier")
            }
            return .classify
        case .generate:
            throw .taskUnavailable(.generate, missing: "decoder")
        case .embed:
            guard let sentence = try sentence(columns) else {
                throw .taskUnavailable(.embed, missing: "sentence-transformers pooling")
            }
            return .embed(sentence)
        case nil:
            if let head { throw .unsupportedHead(architecture: head) }
            if hasClassifier { return .classify }
            return try sentence(columns).map { .embed($0) } ?? .raw
        }
    }

    private func sentence(_ columns: Int) throws(ModelError) -> SentenceTransformer? {
        try SentenceTransformer(checkpoint: checkpoint, columnCount: columns)
    }

    // MARK: - The graph

    private mutating func appendEmbeddings(
        columns: Int
    ) throws(ModelError) -> (output: ValueID, positions: Int, types: Int) {
        // The order of the sum is that of Hugging Face's BertEmbeddings.
        var terms = [EmbeddingTerm(table: Self.tokenTable, index: .tokenIDs)]
        var types = 0
        if binder.has(Self.typeTable) {
            types = try binder.bind(Self.typeTable, [nil, columns])[0]
            terms.append(EmbeddingTerm(table: Self.typeTable, index: .typeIDs))
        }
        let positions = try binder.bind(Self.positionTable, [nil, columns])[0]
        terms.append(EmbeddingTerm(table: Self.positionTable, index: .positions(offset: 0)))
        let sum = graph.append(
            "embeddings", .embedding(terms), inputs: [], rows: .tokens, columnCount: columns)
        let output = try appendNormalization("embeddings.LayerNorm", sum, columns: columns)
        return (output, positions, types)
    }

    private mutating func appendLayer(
        _ name: String, _ input: ValueID, columns: Int, headSize: Int
    ) throws(ModelError) -> ValueID {
        let attended = try appendAttention(
            name + ".attention", input, columns: columns, headSize: headSize)
        let residual = try appendResidual(
            name + ".attention.output", attended, input, columns: columns)
        let (inner, _) = try appendLinear(name + ".intermediate.dense", residual)
        let activated = graph.append(
            name + ".intermediate.activation", .activation(activation), inputs: [inner],
            rows: .tokens, columnCount: graph[inner].columnCount)
        return try appendResidual(name + ".output", activated, residual, columns: columns)
    }

    private mutating func appendAttention(
        _ name: String, _ input: ValueID, columns: Int, headSize: Int
    ) throws(ModelError) -> ValueID {
        let (query, width) = try appendLinear(name + ".self.query", input)
        let weightName = binder.prefix + name + ".self.query.weight"
        guard width % headSize == 0 else {
            throw .widthNotDivisible(tensor: weightName, width: width, by: headSize)
        }
        let headCount = width / headSize
        let (key, _) = try appendLinear(name + ".self.key", input, outputs: width)
        let (value, valueWidth) = try appendLinear(
            name + ".self.value", input, outputs: headCount == 0 ? 0 : nil)
        guard headCount == 0 || valueWidth % headCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.prefix + name + ".self.value.weight", width: valueWidth,
                by: headCount)
        }
        let attention = Attention(
            headCount: headCount, keyValueHeadCount: headCount, headSize: headSize,
            valueSize: headCount == 0 ? headSize : valueWidth / headCount,
            scale: 1 / Float(headSize).squareRoot(), mask: .none)
        return graph.append(
            name + ".self", .attention(attention), inputs: [query, key, value], rows: .tokens,
            columnCount: valueWidth)
    }

    /// A projection back to the hidden size, the residual connection and its normalization.
    private mutating func appendResidual(
        _ name: String, _ input: ValueID, _ skipped: ValueID, columns: Int
    ) throws(ModelError) -> ValueID {
        let (projected, _) = try appendLinear(name + ".dense", input, outputs: columns)
        let sum = graph.append(
            name + ".add", .add, inputs: [projected, skipped], rows: .tokens,
            columnCount: columns)
        return try appendNormalization(name + ".LayerNorm", sum, columns: columns)
    }

    private mutating func appendPooler(
        _ state: ValueID, columns: Int
    ) throws(ModelError) -> ValueID {
        let first = graph.append(
            "pooler.first", .pool(.firstRow), inputs: [state], rows: .fixed(1),
            columnCount: columns)
        let (dense, width) = try appendLinear("pooler.dense", first)
        return graph.append(
            "pooler.activation", .activation(.tanh), inputs: [dense], rows: .fixed(1),
            columnCount: width)
    }

    private mutating func appendClassifier(
        _ state: ValueID, columns: Int
    ) throws(ModelError) -> [String] {
        // Scores are a softmax over exclusive classes; a regression or independent labels would
        // be answered wrongly.
        let single = "single_label_classification"
        if let kind = try configuration.string("problem_type"), kind != single {
            throw .unsupportedValue(
                file: configuration.name, field: "problem_type", value: kind, supported: single)
        }
        let pooled = try appendPooler(state, columns: columns)
        let (logits, outputs) = try appendLinear("classifier", pooled)
        guard outputs > 1 else {
            throw .unsupportedValue(
                file: configuration.name, field: "number of labels", value: "\(outputs)",
                supported: "2 or more")
        }
        graph.outputs[.logits] = logits
        return try configuration.labels(count: outputs)
    }

    private mutating func appendPooling(
        _ sentence: SentenceTransformer, _ state: ValueID, columns: Int
    ) {
        var output = graph.append(
            "pooling", .pool(sentence.pooling), inputs: [state], rows: .fixed(1),
            columnCount: columns)
        if sentence.normalizes {
            output = graph.append(
                "normalize", .normalizeL2(epsilon: 1e-12), inputs: [output], rows: .fixed(1),
                columnCount: columns)
        }
        graph.outputs[.embedding] = output
    }

    private mutating func appendLinear(
        _ name: String, _ input: ValueID, outputs: Int? = nil
    ) throws(ModelError) -> (output: ValueID, width: Int) {
        let value = graph[input]
        let (linear, width) = try binder.bindLinear(
            name, inputs: value.columnCount, outputs: outputs)
        let output = graph.append(
            name, .linear(linear), inputs: [input], rows: value.rows, columnCount: width)
        return (output, width)
    }

    private mutating func appendNormalization(
        _ name: String, _ input: ValueID, columns: Int
    ) throws(ModelError) -> ValueID {
        let normalization = try binder.bindNormalization(
            name, columns: columns, epsilon: epsilon)
        return graph.append(
            name, .layerNormalization(normalization), inputs: [input], rows: graph[input].rows,
            columnCount: columns)
    }
}
