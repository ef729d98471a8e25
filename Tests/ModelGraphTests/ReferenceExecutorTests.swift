import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@Suite struct ReferenceExecutorTests {
    let bert: TinyBert
    let model: Model

    init() throws {
        bert = try TinyBert()
        model = try bert.model()
    }

    @Test func tapsSeeEveryNodeInOrder() throws {
        var seen: [Node] = []
        var last: Tensor?
        let outputs = try ReferenceExecutor(model: model, threadCount: 2).run(
            tokenIDs: [1, 2, 3]
        ) { node, inputs, output in
            seen.append(node)
            #expect(inputs.count == node.inputs.count)
            #expect(output.columnCount == model.graph[node.output].columnCount)
            let rows = model.graph[node.output].rows == .tokens ? 3 : 1
            #expect(output.shape == [rows, output.columnCount])
            if case .linear(let linear) = node.operation {
                #expect(inputs[0].columnCount == model.parameters[linear.weight]?.shape[1])
            }
            last = output
        }
        #expect(seen == model.graph.nodes)
        #expect(last == outputs[.pooled])
    }

    @Test func quantizedWeightsCountAsWhatTheyStandFor() throws {
        var quantized = model
        var dense = model
        for (name, parameter) in model.parameters where parameter.shape.count == 2 {
            let tensor = try model.checkpoint.floats(name)
            let rows = quantize(tensor)
            quantized.parameters[name]?.storage = .quantizedRows(rows)
            dense.parameters[name]?.storage = .dense(rows.dequantized)
            #expect(tensor.signalToNoiseRatio(ofApproximation: rows.dequantized) > 30)
        }
        #expect(try run(quantized) == run(dense))
        #expect(try run(quantized) != run(model))
    }

    @Test func everyActivationFollowsItsFormula() throws {
        let expected: [Activation: (Double) -> Double] = [
            .relu: { max($0, 0) },
            .gelu: { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) },
            .geluTanh: {
                $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
            },
            .silu: { $0 / (1 + exp(-$0)) },
            .tanh: { tanh($0) },
            .sigmoid: { 1 / (1 + exp(-$0)) },
        ]
        #expect(expected.count == Activation.allCases.count)
        for (activation, function) in expected {
            var changed = model
            let position = try #require(
                changed.graph.nodes.firstIndex {
                    $0.name == "encoder.layer.0.intermediate.activation"
                })
            changed.graph.nodes[position].operation = .activation(activation)
            _ = try ReferenceExecutor(model: changed, threadCount: 1).run(tokenIDs: [1, 2]) {
                node, inputs, output in
                guard node.name == changed.graph.nodes[position].name else { return }
                for (x, y) in zip(inputs[0].values, output.values) {
                    #expect(abs(function(Double(x)) - Double(y)) < 1e-6 * max(1, abs(Double(x))))
                }
            }
        }
    }

    @Test func causalAttentionLooksBackOnly() throws {
        var causal = model
        for (position, node) in causal.graph.nodes.enumerated() {
            guard case .attention(var attention) = node.operation else { continue }
            attention.mask = .causal
            causal.graph.nodes[position].operation = .attention(attention)
        }
        let executor = ReferenceExecutor(model: causal, threadCount: 1)
        let short = try #require(try executor.run(tokenIDs: [5, 6])[.hiddenState])
        let long = try #require(try executor.run(tokenIDs: [5, 6, 7])[.hiddenState])
        for (a, b) in zip(short.values, long.values) { #expect(abs(a - b) < 1e-5) }
        let open = try #require(try run(model, [5, 6])[.hiddenState])
        #expect(open.signalToNoiseRatio(ofApproximation: short) < 60)
    }

    @Test func poolingsAndLengthsFollowTheirFormulas() throws {
        try bert.addModules()
        for mode in ["cls_token", "mean_tokens", "max_tokens"] {
            try bert.addPooling([mode])
            let outputs = try run(try bert.model(), [1, 2, 3])
            let state = try #require(outputs[.hiddenState])
            let columns = (0..<TinyBert.columns).map { column -> Double in
                let values = (0..<3).map { Double(state.values[$0 * TinyBert.columns + column]) }
                switch mode {
                case "cls_token": return values[0]
                case "mean_tokens": return values.reduce(0, +) / 3
                default: return values.max() ?? 0
                }
            }
            let length = columns.map { $0 * $0 }.reduce(0, +).squareRoot()
            let embedding = try #require(outputs[.embedding])
            #expect(embedding.shape == [1, TinyBert.columns])
            for (found, expected) in zip(embedding.values, columns) {
                #expect(abs(Double(found) - expected / length) < 1e-6)
            }
        }
    }

    @Test func inputsAreChecked() throws {
        expect(.noTokens, [])
        expect(.tooManyTokens(count: 11, maximum: 10), [Int32](repeating: 1, count: 11))
        expect(.tokenOutOfRange(position: 1, id: 20, vocabularySize: 20), [0, 20])
        expect(.tokenOutOfRange(position: 0, id: -1, vocabularySize: 20), [-1])
        expect(.typeOutOfRange(position: 1, id: 2, typeCount: 2), [1, 1], types: [0, 2])
        expect(.typeOutOfRange(position: 0, id: -1, typeCount: 2), [1], types: [-1])
        expect(.typeCountMismatch(tokens: 2, types: 1), [1, 1], types: [0])
        #expect(try run(model, [Int32](repeating: 19, count: 10))[.hiddenState]?.rowCount == 10)
    }

    @Test func typesAreZeroByDefault() throws {
        let executor = ReferenceExecutor(model: model, threadCount: 1)
        let implicit = try executor.run(tokenIDs: [1, 2])
        #expect(try executor.run(tokenIDs: [1, 2], typeIDs: [0, 0]) == implicit)
        #expect(try executor.run(tokenIDs: [1, 2], typeIDs: [0, 1]) != implicit)
    }

    private func run(_ model: Model, _ ids: [Int32] = [4, 2, 9]) throws -> [OutputRole: Tensor] {
        try ReferenceExecutor(model: model, threadCount: 1).run(tokenIDs: ids)
    }

    private func expect(
        _ error: ModelError, _ ids: [Int32], types: [Int32]? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) {
            try ReferenceExecutor(model: model, threadCount: 1).run(
                tokenIDs: ids, typeIDs: types)
        }
        #expect(!error.description.isEmpty, sourceLocation: sourceLocation)
    }

    private func quantize(_ tensor: Tensor) -> QuantizedRows {
        let columns = tensor.columnCount
        var codes: [Int8] = []
        var scales: [Float] = []
        for row in 0..<tensor.rowCount {
            let values = tensor.values[row * columns..<(row + 1) * columns]
            let scale = (values.map(\.magnitude).max() ?? 0) / 127
            scales.append(scale)
            codes += values.map { Int8(($0 / scale).rounded()) }
        }
        return QuantizedRows(
            rowCount: tensor.rowCount, columnCount: columns, codes: codes, scales: scales)
    }
}
