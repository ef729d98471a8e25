package import Checkpoints
import Synchronization
package import Tensors

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
        switch try parameter(table, node: node).storage {
        case .checkpoint(let name, _):
            do {
                let values = try checkpoint.floats(name, rows: row..<row + 1).values
                for (column, value) in values.enumerated() { output[start + column] += value }
            } catch {
                throw .checkpoint(error)
            }
        case .dense(let tensor):
            let columns = tensor.columnCount
            for column in 0..<columns {
                output[start + column] += tensor.values[row * columns + column]
            }
        case .quantizedRows(let rows):
            let scale = rows.scales[row]
            for column in 0..<rows.columnCount {
                output[start + column] += scale * Float(rows.codes[row * rows.columnCount + column])
            }
        }
    }

    private func parameter(_ name: String, node: String) throws(ModelError) -> Parameter {
        guard let parameter = parameters[name] else {
            throw .graph(node: node, .noParameter(name))
        }
        return parameter
    }
}

extension Parameter {
    /// The numbers in float32; quantized ones as scale · code.
    package func floats(in checkpoint: Checkpoint) throws(ModelError) -> Tensor {
        switch storage {
        case .checkpoint(let name, _):
            do {
                return try checkpoint.floats(name)
            } catch {
                throw .checkpoint(error)
            }
        case .dense(let tensor):
            return tensor
        case .quantizedRows(let rows):
            return rows.dequantized
        }
    }
}
