import ModelGraph
import Tensors

/// What the output of a product is added to, in the model that is compressed and in the original.
///
/// The product can make up for what the compressed prefix did to the sum, as far as its input
/// tells: it is fitted to y₀ + (r₀ − r), not to the original output y₀ alone.
struct Residual {
    /// r₀, `[rows, outputs]`.
    let original: Tensor
    /// r₀ − r
    let difference: Tensor

    /// - Returns: nil if the output of the node is not only added to something that both models have
    ///   computed already.
    init?(of node: Node, in model: Model, _ sweep: CalibrationSweep) {
        let readers = model.graph.nodes.filter { $0.inputs.contains(node.output) }
        guard readers.count == 1, case .add = readers[0].operation,
            !model.graph.outputs.values.contains(node.output),
            let originalNode = sweep.originalNode(node),
            let originalReader = sweep.originalNode(readers[0]),
            originalReader.inputs.contains(originalNode.output),
            let other = readers[0].inputs.first(where: { $0 != node.output }),
            let originalOther = originalReader.inputs.first(where: { $0 != originalNode.output }),
            let now = sweep.compressed[other], let original = sweep.original[originalOther],
            now.shape == original.shape
        else { return nil }
        self.original = original
        var difference = original
        for index in difference.values.indices { difference.values[index] -= now.values[index] }
        self.difference = difference
    }

    /// The mean of the difference over some rows.
    func means(_ rows: Range<Int>) -> [Double] {
        difference.columnMeans(rows: rows)
    }

    /// Adds Σ (r₀ − r) · xᵀ over the fitted rows.
    ///
    /// - Parameter product: `[outputs, inputs]`
    func addCrossMoments(to product: inout [Double], _ rows: SiteRows) {
        difference.withRows(rows.fitted) { outputs in
            rows.input.withRows(rows.fitted) { inputs in
                MatrixProduct.addCrossMoments(
                    outputs: outputs, outputCount: difference.columnCount, inputs: inputs,
                    inputCount: rows.input.columnCount, to: &product)
            }
        }
    }
}

extension Tensor {
    /// Adds a tensor of the same shape.
    mutating func add(_ other: Tensor) {
        precondition(shape == other.shape, "tensors to add have one shape")
        for index in values.indices { values[index] += other.values[index] }
    }
}
