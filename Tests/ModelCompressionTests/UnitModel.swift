import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// Encoders with random weights whose heads share keys and values in pairs, if a test does not ask
/// for something else.
struct UnitModel {
    static let columns = 8
    static let vocabularySize = 20
    static let labelCount = 4

    var task = ModelTask.raw
    var layers = 1
    var heads = 6
    var keyValueHeads = 3
    var headSize = 3
    var valueSize = 5
    var neurons = 16

    private var graph = Graph()
    private var parameters: [String: Parameter] = [:]
    private var seed: UInt64 = 100

    init(
        task: ModelTask = .raw, layers: Int = 1, heads: Int = 6, keyValueHeads: Int = 3
    ) {
        (self.task, self.layers) = (task, layers)
        (self.heads, self.keyValueHeads) = (heads, keyValueHeads)
    }

    func model() throws -> Model {
        var copy = self
        return try copy.build()
    }

    private mutating func build() throws -> Model {
        let columns = Self.columns
        random("tokens", [Self.vocabularySize, columns])
        random("positions", [12, columns])
        var state = graph.append(
            "embeddings",
            .embedding([
                EmbeddingTerm(table: "tokens", index: .tokenIDs),
                EmbeddingTerm(table: "positions", index: .positions(offset: 0)),
            ]), inputs: [], rows: .tokens, columnCount: columns)
        for layer in 0..<layers { state = append(layer, state) }
        switch task {
        case .raw:
            graph.outputs[.hiddenState] = state
        case .embed:
            let pooled = graph.append(
                "pool", .pool(.mean), inputs: [state], rows: .fixed(1), columnCount: columns)
            graph.outputs[.embedding] = graph.append(
                "normalize", .normalizeL2(epsilon: 1e-12), inputs: [pooled], rows: .fixed(1),
                columnCount: columns)
        case .classify:
            let first = graph.append(
                "pool", .pool(.firstRow), inputs: [state], rows: .fixed(1), columnCount: columns)
            graph.outputs[.logits] = product("labels", first, Self.labelCount)
        case .generate:
            let last = graph.append(
                "pool", .pool(.lastRow), inputs: [state], rows: .fixed(1), columnCount: columns)
            graph.outputs[.nextLogits] = product("next", last, Self.vocabularySize)
        }
        let model = Model(
            family: "test", task: task, graph: graph, parameters: parameters, labels: [],
            maximumTokens: 12, vocabularySize: Self.vocabularySize, typeCount: 0,
            checkpoint: try Checkpoint(path: TinyFixture.plain))
        try model.validate()
        return model
    }

    private mutating func append(_ layer: Int, _ input: ValueID) -> ValueID {
        let columns = Self.columns
        let query = product("\(layer).query", input, heads * headSize)
        let key = product("\(layer).key", input, keyValueHeads * headSize)
        let value = product("\(layer).value", input, keyValueHeads * valueSize)
        let attended = graph.append(
            "\(layer).attention",
            .attention(
                Attention(
                    headCount: heads, keyValueHeadCount: keyValueHeads, headSize: headSize,
                    valueSize: valueSize, scale: 0.6, mask: .none)),
            inputs: [query, key, value], rows: .tokens, columnCount: heads * valueSize)
        let middle = residual(
            "\(layer).attention", product("\(layer).output", attended, columns), input)
        let inner = product("\(layer).inner", middle, neurons)
        let activated = graph.append(
            "\(layer).activation", .activation(.gelu), inputs: [inner], rows: .tokens,
            columnCount: neurons)
        return residual("\(layer)", product("\(layer).outer", activated, columns), middle)
    }

    private mutating func residual(
        _ name: String, _ output: ValueID, _ skipped: ValueID
    ) -> ValueID {
        let sum = graph.append(
            name + ".sum", .add, inputs: [output, skipped], rows: .tokens,
            columnCount: Self.columns)
        random(name + ".gamma", [Self.columns])
        random(name + ".beta", [Self.columns])
        return graph.append(
            name + ".norm",
            .layerNormalization(
                LayerNormalization(gamma: name + ".gamma", beta: name + ".beta", epsilon: 1e-6)),
            inputs: [sum], rows: .tokens, columnCount: Self.columns)
    }

    private mutating func product(_ name: String, _ input: ValueID, _ outputs: Int) -> ValueID {
        random(name + ".weight", [outputs, graph[input].columnCount])
        random(name + ".bias", [outputs])
        return graph.append(
            name, .linear(Linear(weight: name + ".weight", bias: name + ".bias")),
            inputs: [input], rows: graph[input].rows, columnCount: outputs)
    }

    private mutating func random(_ name: String, _ shape: [Int]) {
        seed += 1
        parameters[name] = Parameter(
            shape: shape, storage: .dense(SmallModel.random(shape, seed: seed)))
    }

    /// Random sequences of 2 to 12 tokens; the same seed gives the same.
    static func calibration(_ count: Int, seed: UInt64 = 1) -> CalibrationSet {
        var generator = SplitMix64(seed: seed)
        return CalibrationSet(
            (0..<count).map { index in
                TokenSequence(
                    ids: (0..<2 + index % 11).map { _ in
                        Int32(generator.next() % UInt64(vocabularySize))
                    })
            })
    }
}

extension Model {
    func node(_ name: String) throws -> Node {
        try #require(graph.nodes.first { $0.name == name }, "no node \(name)")
    }

    func linear(_ name: String) throws -> Linear {
        guard case .linear(let linear) = try node(name).operation else {
            throw CompressionError.singular(node: name)
        }
        return linear
    }

    func attention(_ name: String) throws -> Attention {
        guard case .attention(let attention) = try node(name).operation else {
            throw CompressionError.singular(node: name)
        }
        return attention
    }

    func floats(_ name: String) throws -> Tensor {
        try #require(parameters[name], "no parameter \(name)").floats(in: checkpoint)
    }

    mutating func set(_ name: String, _ tensor: Tensor) {
        parameters[name] = Parameter(shape: tensor.shape, storage: .dense(tensor))
    }

    /// The site whose units a product reads.
    func site(_ name: String) throws -> UnitSite {
        try #require(UnitSite.sites(of: graph).first { graph.nodes[$0.output].name == name })
    }

    /// The model with zeros in some columns of a product's weight.
    ///
    /// - Parameter means: What the columns were on average, if that is to go to the bias; one for
    ///   every column of the weight.
    func masking(
        _ columns: [Int], ofProduct name: String, means: [Double]? = nil
    ) throws -> Model {
        let linear = try linear(name)
        var masked = self
        var weight = try floats(linear.weight)
        let biasName = try #require(linear.bias)
        var bias = try floats(biasName)
        for row in 0..<weight.rowCount {
            for column in columns {
                let index = row * weight.columnCount + column
                if let means {
                    bias.values[row] += Float(Double(weight.values[index]) * means[column])
                }
                weight.values[index] = 0
            }
        }
        masked.set(linear.weight, weight)
        masked.set(biasName, bias)
        return masked
    }

    /// What every node gives for sequences that run together, by its name.
    func outputs(of sequences: [TokenSequence]) throws -> [String: Tensor] {
        var outputs: [String: Tensor] = [:]
        _ = try ReferenceExecutor(model: self, threadCount: 1).run(
            SequenceBatch(sequences, for: self)
        ) { node, _, output in outputs[node.name] = output }
        return outputs
    }

    func answer(_ sequences: [TokenSequence]) throws -> Tensor {
        let role = try #require(OutputDistance.role(of: self))
        let found = try ReferenceExecutor(model: self, threadCount: 1).run(
            SequenceBatch(sequences, for: self))
        return try #require(found[role])
    }

    /// Heads or neurons of all sites together.
    func unitCount(_ kind: UnitSite.Kind) -> Int {
        UnitSite.sites(of: graph).filter { $0.kind == kind }.reduce(0) { $0 + $1.unitCount }
    }

    /// Multiply-accumulates of heads and neurons for an input of `tokens` tokens, if all rows of all
    /// values are computed, from the shapes of the graph.
    func multiplyAccumulates(tokens: Int) throws -> Int {
        var sum = 0
        for site in UnitSite.sites(of: graph) {
            for index in site.producers.map(\.node) + [site.output] {
                let node = graph.nodes[index]
                sum += tokens * graph[node.inputs[0]].columnCount * graph[node.output].columnCount
            }
            if case .attention(let attention) = graph.nodes[site.middle].operation {
                sum +=
                    tokens * tokens * attention.headCount
                    * (attention.headSize + attention.valueSize)
            }
        }
        return sum
    }

    /// Whether every parameter is the same and the graph as well.
    func isSame(as other: Model) throws -> Bool {
        guard graph == other.graph, parameters.keys == other.parameters.keys else { return false }
        for name in parameters.keys where try floats(name) != other.floats(name) { return false }
        return true
    }
}

/// The largest difference in parts of the largest magnitude; infinite if the shapes differ.
func difference(_ found: Tensor?, _ expected: Tensor?) -> Double {
    guard let found, let expected, found.shape == expected.shape else { return .infinity }
    return relativeDifference(
        found.values.map { Double($0) }, expected.values.map { Double($0) })
}
