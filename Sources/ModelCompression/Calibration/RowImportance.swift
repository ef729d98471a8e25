import ModelGraph
import Tensors

/// How much of what a model answers goes back to each row of its values.
///
/// From the answer back, a residual connection passes one half on to either side, pooling to the
/// rows it pools, attention to the values by what they contribute (`Attention.contributions`), and
/// all else to the same row: the rollout of Abnar and Zuidema 2020 (arXiv 2005.00928). What it gives
/// is mixed with a small share for every row alike, since no row is without influence.
struct RowImportance {
    /// One per row of a value, with the mean 1.
    private var weights: [ValueID: [Float]] = [:]

    /// - Parameters:
    ///   - uniformShare: Of the weight of a sequence, the part that all its rows have alike.
    init(
        _ model: Model, _ sequences: CalibrationSet, uniformShare: Float, threadCount: Int
    ) throws(CompressionError) {
        let batch: SequenceBatch
        let contributions: [ValueID: [[Float]]]
        do throws(ModelError) {
            var stream = try ActivationStream(
                sequences.sequences, model: model, threadCount: threadCount, simulatesCodes: false)
            batch = stream.batch
            contributions = try Self.contributions(model, &stream)
        } catch {
            throw .model(error)
        }
        var flow = Flow(model.graph, batch, contributions)
        flow.runBack()
        for (value, weights) in flow.weights {
            self.weights[value] = Self.mixed(
                weights,
                rows: (0..<batch.count).map { batch.rows(of: $0, model.graph[value].rows) },
                uniformShare: uniformShare)
        }
    }

    /// What goes through each attention from keys to queries.
    private static func contributions(
        _ model: Model, _ stream: inout ActivationStream
    ) throws(ModelError) -> [ValueID: [[Float]]] {
        try model.validate()
        let (graph, batch) = (model.graph, stream.batch)
        let slopes = try model.attentionSlopes()
        var contributions: [ValueID: [[Float]]] = [:]
        // What comes after the last attention says nothing about it.
        let attentions = graph.nodes.indices.filter {
            if case .attention = graph.nodes[$0].operation { true } else { false }
        }
        for index in attentions {
            while stream.position < index { try stream.advance(model) }
            let node = graph.nodes[index]
            guard case .attention(let attention) = node.operation,
                let query = stream[node.inputs[0]], let key = stream[node.inputs[1]],
                let value = stream[node.inputs[2]]
            else { continue }
            let rows = (graph[node.inputs[0]].rows, graph[node.inputs[1]].rows)
            contributions[node.output] = attention.contributions(
                query: query, key: key, value: value,
                slopes: attention.slopes.flatMap { slopes[$0] },
                sequences: (0..<batch.count).map {
                    (queries: batch.rows(of: $0, rows.0), keys: batch.rows(of: $0, rows.1))
                })
        }
        return contributions
    }

    /// The weights of the rows of a value of the original model; nil if nothing is known of it.
    subscript(value: ValueID) -> [Float]? {
        weights[value]
    }

    private static func mixed(
        _ weights: [Float], rows: [Range<Int>], uniformShare: Float
    ) -> [Float] {
        var mixed = weights
        for range in rows {
            let sum = range.reduce(Float(0)) { $0 + weights[$1] }
            for row in range {
                let share = sum > 0 ? weights[row] / sum : 1 / Float(range.count)
                mixed[row] = (1 - uniformShare) * share + uniformShare / Float(range.count)
            }
        }
        // Each sequence has weight 1 now.
        let factor = Float(mixed.count) / Float(max(1, rows.count))
        return mixed.map { $0 * factor }
    }
}

/// Weights on their way from the outputs back.
private struct Flow {
    let graph: Graph
    let batch: SequenceBatch
    let contributions: [ValueID: [[Float]]]
    private(set) var weights: [ValueID: [Float]] = [:]

    init(_ graph: Graph, _ batch: SequenceBatch, _ contributions: [ValueID: [[Float]]]) {
        self.graph = graph
        self.batch = batch
        self.contributions = contributions
    }

    mutating func runBack() {
        for (role, value) in graph.outputs {
            // In a text that grows, each token is the last one once.
            if role == .nextLogits, graph.outputs[.hiddenState] != nil { continue }
            let rows = graph[value].rows
            for sequence in 0..<batch.count {
                let range = batch.rows(of: sequence, rows)
                for row in range { add(1 / Float(range.count), to: value, row: row) }
            }
        }
        for node in graph.nodes.reversed() {
            guard let output = weights[node.output] else { continue }
            pass(output, of: node)
        }
    }

    private mutating func pass(_ output: [Float], of node: Node) {
        switch node.operation {
        case .embedding:
            break
        case .linear, .layerNormalization, .rmsNormalization, .rotary, .activation, .scale,
            .normalizeL2:
            add(output, to: node.inputs[0])
        case .add, .multiply:
            let half = output.map { $0 / 2 }
            for input in node.inputs { add(half, to: input) }
        case .pool(let pooling):
            for sequence in 0..<batch.count {
                let rows = batch.rows(of: sequence, graph[node.inputs[0]].rows)
                let pooled =
                    switch pooling {
                    case .firstRow: rows.prefix(1)
                    case .lastRow: rows.suffix(1)
                    case .mean, .maximum: rows
                    }
                for row in pooled {
                    add(output[sequence] / Float(pooled.count), to: node.inputs[0], row: row)
                }
            }
        case .attention:
            guard let contributions = contributions[node.output],
                output.contains(where: { $0 > 0 })
            else { return }
            var values = weights.removeValue(forKey: node.inputs[2]) ?? noWeights(node.inputs[2])
            for sequence in 0..<batch.count {
                let queries = batch.rows(of: sequence, graph[node.inputs[0]].rows)
                let keys = batch.rows(of: sequence, graph[node.inputs[2]].rows)
                let shares = contributions[sequence]
                for (place, query) in queries.enumerated() where output[query] > 0 {
                    for (index, key) in keys.enumerated() {
                        values[key] += output[query] * shares[place * keys.count + index]
                    }
                }
            }
            weights[node.inputs[2]] = values
        }
    }

    private mutating func add(_ output: [Float], to value: ValueID) {
        guard var values = weights.removeValue(forKey: value) else {
            weights[value] = output
            return
        }
        for (row, weight) in output.enumerated() { values[row] += weight }
        weights[value] = values
    }

    private func noWeights(_ value: ValueID) -> [Float] {
        let count =
            graph[value].rows == .tokens
            ? batch.tokenCount : batch.rows(of: batch.count - 1, graph[value].rows).upperBound
        return [Float](repeating: 0, count: count)
    }

    private mutating func add(_ weight: Float, to value: ValueID, row: Int) {
        if weights[value] == nil { weights[value] = noWeights(value) }
        weights[value]![row] += weight
    }
}
