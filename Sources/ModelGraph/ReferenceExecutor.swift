package import Tensors

/// Runs a model in float32: the reference that compressed models are measured against.
///
/// Products go through OpenBLAS, everything else through plain loops; sums of normalizations and
/// softmax are kept in double. Weights are widened at their first use and kept.
package struct ReferenceExecutor: Sendable {
    /// Sees a node with its inputs and its output, each `[rows, columns]`.
    package typealias Tap = (Node, [Tensor], Tensor) -> Void

    package let model: Model
    /// Threads for matrix products.
    package let threadCount: Int
    /// Whether products of quantized weights see their input as the 8-bit codes that the device
    /// makes of it; otherwise they read floats.
    package let simulatesCodes: Bool
    let weights: WeightStore
    /// For each node, the values that no later node and no output needs; nil if that was not asked.
    private let releasedValues: [[ValueID]]?
    private let problem: ModelError?

    package init(model: Model, threadCount: Int, simulatesCodes: Bool = false) {
        self.model = model
        self.threadCount = threadCount
        self.simulatesCodes = simulatesCodes
        weights = WeightStore(model: model)
        var problem: ModelError?
        do throws(ModelError) {
            try model.validate()
        } catch {
            problem = error
        }
        self.problem = problem
        releasedValues = Self.releasedValues(model.graph)
    }

    /// An executor for single nodes (`compute`), which does not look at the graph as a whole.
    package init(nodesOf model: Model, threadCount: Int, simulatesCodes: Bool) {
        self.model = model
        self.threadCount = threadCount
        self.simulatesCodes = simulatesCodes
        weights = WeightStore(model: model)
        (problem, releasedValues) = (nil, nil)
    }

    /// Runs one input.
    ///
    /// - Parameters:
    ///   - tokenIDs: 1 to `model.maximumTokens` ids.
    ///   - typeIDs: One per token; nil means 0 for all.
    ///   - roles: The outputs that are computed, as far as the graph has them; nil for all.
    ///   - tap: Called after each node, in execution order.
    /// - Returns: The outputs of the graph, each `[rows, columns]`.
    /// - Throws: Also if the graph of the model is not well formed.
    package func run(
        tokenIDs: [Int32], typeIDs: [Int32]? = nil, outputs roles: Set<OutputRole>? = nil,
        tap: Tap? = nil
    ) throws(ModelError) -> [OutputRole: Tensor] {
        let sequence = TokenSequence(ids: tokenIDs, typeIDs: typeIDs ?? [])
        if let typeIDs, typeIDs.count != tokenIDs.count {
            throw .typeCountMismatch(tokens: tokenIDs.count, types: typeIDs.count)
        }
        return try run(try SequenceBatch([sequence], for: model), outputs: roles, tap: tap)
    }

    /// Runs sequences together.
    ///
    /// - Parameters:
    ///   - roles: The outputs that are computed, as far as the graph has them; nil for all.
    ///   - tap: Called after each node that is computed.
    /// - Returns: The outputs of the graph, the rows of each sequence after those of the one before.
    /// - Throws: If the graph of the model is not well formed.
    package func run(
        _ batch: SequenceBatch, outputs roles: Set<OutputRole>? = nil, tap: Tap? = nil
    ) throws(ModelError) -> [OutputRole: Tensor] {
        if let problem { throw problem }
        if releasedValues == nil { try model.validate() }
        let releasedValues = releasedValues ?? Self.releasedValues(model.graph)
        Parallel.threadCount = threadCount
        let graph = model.graph
        let wanted = graph.outputs.filter { roles?.contains($0.key) ?? true }
        let read = roles.map { _ in RowsRead(graph, outputs: wanted.values) }
        var values = [Tensor?](repeating: nil, count: graph.values.count)
        for (position, node) in graph.nodes.enumerated() {
            if let read, read[node.output] == .nothing { continue }
            let inputs = node.inputs.compactMap { values[$0.index] }
            let output = try compute(node, inputs, batch)
            tap?(node, inputs, output)
            values[node.output.index] = output
            for value in releasedValues[position] { values[value.index] = nil }
        }
        return wanted.compactMapValues { values[$0.index] }
    }

    /// For each node, the values that no later node and no output needs.
    package static func releasedValues(_ graph: Graph) -> [[ValueID]] {
        var needed = Set(graph.outputs.values)
        var released: [[ValueID]] = []
        for node in graph.nodes.reversed() {
            let last = Set(node.inputs + [node.output]).subtracting(needed)
            released.append(Array(last))
            needed.formUnion(last)
        }
        return released.reversed()
    }
}
