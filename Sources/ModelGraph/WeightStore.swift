import Checkpoints
import Synchronization
import Tensors

/// Float32 values of a model's parameters, kept after their first use.
final class WeightStore: Sendable {
    private let checkpoint: Checkpoint
    private let parameters: [String: Parameter]
    private let cache = Mutex<[String: Tensor]>([:])

    init(model: Model) {
        checkpoint = model.checkpoint
        parameters = model.parameters
    }

    /// A whole parameter.
    func tensor(_ name: String, node: String) throws(ModelError) -> Tensor {
        if let known = cache.withLock({ $0[name] }) { return known }
        let parameter = try parameter(name, node: node)
        let tensor = try parameter.floats(in: checkpoint)
        if case .dense = parameter.storage { return tensor }
        cache.withLock { $0[name] = tensor }
        return tensor
    }

    /// Adds one row of a table to `output`; the table itself is not kept.
    func add(
        row: Int, of table: String, to output: inout [Float], at start: Int, node: String
    ) throws(ModelError) {
        let parameter = try parameter(table, node: node)
        let values = try parameter.floats(in: checkpoint, rows: row..<row + 1).values
        for (column, value) in values.enumerated() { output[start + column] += value }
    }

    private func parameter(_ name: String, node: String) throws(ModelError) -> Parameter {
        guard let parameter = parameters[name] else {
            throw .graph(node: node, .noParameter(name))
        }
        return parameter
    }
}
