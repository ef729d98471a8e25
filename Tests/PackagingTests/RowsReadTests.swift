import ModelGraph
import Tensors
import Testing

@testable import Packaging

/// What a graph computes follows from what is read of it.
@Suite struct RowsReadTests {
    private let making: ModelInTheMaking

    init() throws {
        making = try ModelInTheMaking()
    }

    private func computed(_ outputs: [OutputRole: ValueID]) throws -> Graph {
        var model = try making.model(outputs)
        model.graph = model.graph.computing(outputs)
        try model.validate()
        return model.graph
    }

    /// Short names of the nodes; those that make one row end with 1.
    private func names(_ graph: Graph) -> [String] {
        graph.nodes.map { node in
            let name =
                switch node.operation {
                case .embedding: "embedding"
                case .linear: "linear"
                case .rmsNormalization: "rms"
                case .rotary: "rotary"
                case .multiply: "multiply"
                case .scale: "scale"
                case .attention: "attention"
                case .layerNormalization: "norm"
                case .activation: "activation"
                case .add: "add"
                case .pool(.firstRow): "first"
                case .pool: "pool"
                case .normalizeL2: "unit"
                }
            return graph[node.output].rows == .fixed(1) ? name + "1" : name
        }
    }

    @Test func theLastLayerOfAClassifierComputesOneRow() throws {
        let state = making.layer(making.embedding())
        let first = making.pooled(state, .firstRow)
        let logits = making.linear(first, outputs: 3)
        let graph = try computed([.logits: logits])
        // Keys and values first: they go over all tokens, as what is before them does.
        #expect(
            names(graph) == [
                "embedding", "linear", "linear", "first1", "linear1", "attention1", "linear1",
                "add1", "norm1", "linear1", "activation1", "linear1", "add1", "norm1", "linear1",
            ])
        let attention = try #require(
            graph.nodes.first {
                if case .attention = $0.operation { true } else { false }
            })
        #expect(attention.inputs.map { graph[$0].rows } == [.fixed(1), .tokens, .tokens])
    }

    @Test func theSelectionGoesThroughOneLayerOnly() throws {
        let state = making.layer(making.layer(making.embedding()))
        let graph = try computed([.embedding: making.unit(making.pooled(state, .firstRow))])
        let one = names(graph).filter { $0.hasSuffix("1") }
        // A layer has 12 nodes; two of the last one are keys and values.
        #expect(graph.nodes.count == 1 + 12 + 12 + 2)
        #expect(one.count == 12 - 2 + 2)
        #expect(names(graph).prefix(1 + 12 + 2).allSatisfy { !$0.hasSuffix("1") })
    }

    @Test func anOutputOfTheFirstRowIsTheValueItself() throws {
        let state = making.normalized(making.embedding())
        let graph = try computed([.embedding: making.pooled(state, .firstRow)])
        #expect(names(graph) == ["embedding", "first1", "norm1"])
        #expect(graph.outputs == [.embedding: state])
    }

    @Test func otherRowsThatAreReadAreComputed() throws {
        let state = making.layer(making.embedding())
        let first = making.pooled(state, .firstRow)
        let logits = making.linear(first)
        for reader in [making.pooled(state, .mean), making.pooled(state, .maximum), state] {
            let outputs = [OutputRole.logits: logits, .embedding: reader]
            let graph = try computed(outputs)
            #expect(graph.outputs == outputs)
            #expect(
                names(graph).filter { $0.hasSuffix("1") }
                    == ["first1", "linear1"] + (reader == state ? [] : ["pool1"]))
        }
    }

    @Test func aReaderBesideTheSelectionStopsItWhereItReads() throws {
        let middle = making.normalized(making.embedding())
        let state = making.activation(making.linear(middle))
        let logits = making.linear(making.pooled(state, .firstRow))
        let mean = making.pooled(middle, .mean)
        let graph = try computed([.logits: logits, .embedding: mean])
        #expect(
            names(graph) == [
                "embedding", "norm", "first1", "linear1", "activation1", "linear1", "pool1",
            ])
    }

    /// Query 0 sees key 0 only, which a query on its own would not know.
    @Test func aCausalAttentionComputesAllRows() throws {
        let input = making.embedding()
        let attended = making.attention(
            making.linear(input), making.linear(input), making.linear(input), mask: .causal)
        let state = making.normalized(making.sum(attended, input))
        let graph = try computed([.logits: making.linear(making.pooled(state, .firstRow))])
        #expect(
            names(graph) == [
                "embedding", "linear", "linear", "linear", "attention", "first1", "first1",
                "add1", "norm1", "linear1",
            ])
    }

    @Test func aRowIsSelectedOnce() throws {
        let input = making.embedding()
        let early = making.pooled(input, .firstRow)
        let state = making.sum(making.linear(input), input)
        let late = making.pooled(state, .firstRow)
        let again = making.pooled(state, .firstRow)
        let both = making.sum(making.sum(late, again), making.pooled(early, .firstRow))
        let graph = try computed([.logits: making.linear(both)])
        #expect(
            names(graph) == [
                "embedding", "first1", "linear1", "add1", "add1", "add1", "linear1",
            ])
    }

    @Test func whatLeadsToNoOutputIsLeftOut() throws {
        let state = making.normalized(making.embedding())
        let pooler = making.activation(making.linear(making.pooled(state, .firstRow)), .tanh)
        _ = making.layer(state)
        let graph = try computed([.hiddenState: state])
        #expect(names(graph) == ["embedding", "norm"])
        #expect(try computed([.hiddenState: state, .pooled: pooler]).nodes.count == 5)
    }

    @Test func aGraphThatReadsEverythingStays() throws {
        let state = making.layer(making.layer(making.embedding()))
        let mean = making.unit(making.pooled(state, .mean))
        let model = try making.model([.hiddenState: state, .embedding: mean])
        #expect(model.graph.computing(model.graph.outputs) == model.graph)
    }

    // MARK: - Answers

    private func answers(
        _ outputs: [OutputRole: ValueID], _ task: ModelTask
    ) throws -> Set<OutputRole> {
        Set(try making.model(outputs, task: task).keepingAnswers().graph.outputs.keys)
    }

    @Test func outputsThatAnswerNothingAreKeptWhereTheyAreComputedAnyway() throws {
        let state = making.layer(making.embedding())
        let first = making.pooled(state, .firstRow)
        let mean = making.pooled(state, .mean)
        let pooler = making.activation(making.linear(first), .tanh)
        let logits = making.linear(pooler)
        #expect(
            try answers([.hiddenState: state, .logits: logits], .classify) == [.logits])
        #expect(
            try answers([.hiddenState: state, .logits: logits, .pooled: pooler], .classify)
                == [.logits, .pooled])
        #expect(try answers([.hiddenState: state, .embedding: first], .embed) == [.embedding])
        #expect(
            try answers([.hiddenState: state, .embedding: mean], .embed)
                == [.hiddenState, .embedding])
        #expect(try answers([.hiddenState: state, .pooled: pooler], .raw) == [.hiddenState])
        #expect(
            try answers([.hiddenState: state, .embedding: first], .raw)
                == [.hiddenState, .embedding])
        #expect(try answers([.hiddenState: state, .logits: logits], .raw) == [.logits])
        #expect(try answers([.pooled: pooler], .raw) == [.pooled])
    }

    @Test func parametersThatNothingReadsAreForgotten() throws {
        let state = making.normalized(making.embedding())
        let read = making.graph.parameterNames
        let pooler = making.activation(making.linear(making.pooled(state, .firstRow)), .tanh)
        var model = try making.model([.hiddenState: state, .pooled: pooler])
        // Of a tensor that two parameters share, one may still be read.
        let shared = try #require(read.first)
        for name in model.graph.parameterNames.subtracting(read) + [shared] {
            model.parameters[name]?.storage = .checkpoint(name: "absent", elementType: .float32)
        }
        model.unusedTensors = []
        var kept = model.keepingAnswers()
        #expect(Set(kept.parameters.keys) == read && kept.graph.parameterNames == read)
        #expect(kept.graph.nodes.count == 2)
        #expect(kept.unusedTensors.isEmpty)
        model.parameters[shared]?.storage = .dense(Tensor(shape: [1], values: [0]))
        kept = model.keepingAnswers()
        #expect(kept.unusedTensors == ["absent"])
    }
}
