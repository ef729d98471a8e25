import ModelGraph
import Tensors

/// Token tables: rows are looked up one at a time, so each keeps its own largest numbers.
extension PruneWeights {
    func pruneTables(of model: inout Model, _ record: inout PassRecord) throws(CompressionError) {
        guard tableSparsity > 0 else { return }
        var names: Set<String> = []
        for node in model.graph.nodes {
            guard case .embedding(let terms) = node.operation else { continue }
            for term in terms where term.index == .tokenIDs { names.insert(term.table) }
        }
        for name in names.sorted() {
            guard let parameter = model.parameters[name] else { continue }
            if case .quantizedRows = parameter.storage {
                record.notes.append("\(name): left whole, quantized before")
                continue
            }
            let table = try model.finiteFloats(name)
            let pruned = PruningMask(
                scores: table.values.map(\.magnitude), columnCount: table.columnCount,
                pattern: .unstructured, sparsity: tableSparsity, scope: .row
            ).apply(to: table.values)
            record.changes.append(
                replace(name, table, with: pruned, changesValues: false, in: &model))
        }
    }

    /// Puts pruned values in the place of a weight.
    ///
    /// - Parameter changesValues: Whether those that were kept are others than before.
    func replace(
        _ name: String, _ weight: Tensor, with values: [Float], changesValues: Bool,
        in model: inout Model
    ) -> TensorChange {
        let pruned = Tensor(shape: weight.shape, values: values)
        var elementType = ElementType.float32
        if !changesValues, let type = model.parameters[name]?.floatType,
            [.float16, .bfloat16].contains(type)
        {
            elementType = type
        }
        let before = model.parameters[name].map(model.bytesInCheckpoint) ?? 0
        model.parameters[name]?.storage = .dense(pruned, elementType: elementType)
        return TensorChange(
            name: name, bytesBefore: before,
            bytesAfter: values.count * elementType.byteCount,
            signalEnergy: weight.meanSquare * Double(weight.elementCount),
            errorEnergy: weight.squaredDistance(to: pruned))
    }
}
