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

    /// Adds rows of a table to the rows of `output`, one each; the table itself is not kept.
    ///
    /// - Parameter output: `[rows.count, columnCount]`
    func add(
        rows: [Int], of table: String, columnCount: Int, to output: inout [Float], node: String
    ) throws(ModelError) {
        let parameter = try parameter(table, node: node)
        if case .checkpoint(let name, let elementType) = parameter.storage {
            let gathered = try gather(rows, of: name, elementType, columnCount, node: node)
            for (index, value) in gathered.enumerated() { output[index] += value }
            return
        }
        for (position, row) in rows.enumerated() {
            let values = try parameter.floats(in: checkpoint, rows: row..<row + 1).values
            for (column, value) in values.enumerated() {
                output[position * columnCount + column] += value
            }
        }
    }

    /// Widens rows of a tensor in the checkpoint without touching the others.
    private func gather(
        _ rows: [Int], of name: String, _ elementType: ElementType, _ columnCount: Int,
        node: String
    ) throws(ModelError) -> [Float] {
        var gathered = [Float](repeating: 0, count: rows.count * columnCount)
        var failure: TensorError?
        let rowByteCount = columnCount * elementType.byteCount
        do {
            try checkpoint.withBytes(of: name) { bytes in
                gathered.withUnsafeMutableBufferPointer { output in
                    for (position, row) in rows.enumerated() {
                        let source = row * rowByteCount..<(row + 1) * rowByteCount
                        let target = position * columnCount..<(position + 1) * columnCount
                        do throws(TensorError) {
                            try elementType.widen(
                                UnsafeRawBufferPointer(rebasing: bytes[source]),
                                into: UnsafeMutableBufferPointer(rebasing: output[target]))
                        } catch {
                            failure = error
                        }
                    }
                }
            }
        } catch {
            throw .checkpoint(error)
        }
        if let failure { throw .tensor(node: node, failure) }
        return gathered
    }

    private func parameter(_ name: String, node: String) throws(ModelError) -> Parameter {
        guard let parameter = parameters[name] else {
            throw .graph(node: node, .noParameter(name))
        }
        return parameter
    }
}
