import Foundation
import ModelGraph
import Tensors

/// Products: two thinner ones in their place.
extension Factorize {
    /// What products that read the same value share.
    private struct Inputs {
        let value: ValueID
        let moments: InputMoments
    }

    func factorizeProducts(
        of model: inout Model, _ calibration: CalibrationSet, _ context: PassContext,
        _ record: inout PassRecord
    ) throws(CompressionError) {
        // Factors that are there already do not get thinner by being factorized again.
        let known = Set(context.original.graph.nodes.map(\.name))
        let names = model.graph.nodes.compactMap { node -> String? in
            if case .linear = node.operation, known.contains(node.name) { node.name } else { nil }
        }
        for pattern in products ?? [] {
            if !names.contains(where: { $0.hasPrefix(pattern) || $0.hasSuffix(pattern) }) {
                record.notes.append("'\(pattern)' begins or ends the name of no product")
            }
        }
        let wanted = Set(names.filter(isWanted))
        guard !wanted.isEmpty else { return }
        let importance = try use.importance(calibration, context)
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model, importance: importance,
            threadCount: context.threadCount)
        var done: Set<String> = []
        var whole: [String] = []
        var inputs: Inputs?
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard wanted.contains(node.name), done.insert(node.name).inserted else { return }
            defer { context.progress(Double(done.count) / Double(wanted.count)) }
            guard case .linear(let linear) = node.operation, canPay(linear, in: model),
                let product = try product(node, linear, &inputs, model, sweep),
                let (factors, output) = try product.factorized(
                    self, name: node.name, isFitted: !calibration.isSynthetic)
            else {
                whole.append(node.name)
                return
            }
            replace(node, linear, product.weight, factors, &model, &record)
            sweep.compressed.follow(model.graph)
            record.outputs.append(output)
            record.notes.append(note(factors, output, product.weight))
        }
        if !whole.isEmpty {
            record.notes.append(
                "left whole, factors would save too little: " + whole.joined(separator: ", "))
        }
    }

    private func note(
        _ factors: FactorizedProduct.Factors, _ output: OutputChange, _ weight: Tensor
    ) -> String {
        "\(output.name): rank \(factors.inner.shape[0]) of \(min(weight.shape[0], weight.shape[1]))"
            + String(
                format: ", %.2f %% of the output's energy, %.2f %% held-out error",
                100 * factors.keptShare, 100 * output.relativeError)
    }

    /// Whether the weights of a product are floats that nothing else reads, and large enough.
    private func canPay(_ linear: Linear, in model: Model) -> Bool {
        guard let parameter = model.parameters[linear.weight], linear.inputMultipliers == nil else {
            return false
        }
        if case .quantizedRows = parameter.storage { return false }
        let readers = model.graph.nodes.reduce(0) { count, node in
            count + node.operation.parameterNames.count { $0 == linear.weight }
        }
        return readers == 1
            && pays(rank: 1, outputs: parameter.shape[0], inputs: parameter.shape[1])
    }

    private func product(
        _ node: Node, _ linear: Linear, _ inputs: inout Inputs?, _ model: Model,
        _ sweep: CalibrationSweep
    ) throws(CompressionError) -> FactorizedProduct? {
        let value = node.inputs[0]
        guard let input = sweep.compressed[value] else { return nil }
        let fitted = sweep.compressed.rows(of: sweep.fittedSequences, value, in: model)
        let heldOut = sweep.compressed.rows(of: sweep.heldOutSequences, value, in: model)
        if inputs?.value != value {
            inputs = Inputs(
                value: value,
                moments: InputMoments(
                    input, rows: fitted, weights: sweep.rowWeights(of: node)))
        }
        guard let inputs else { return nil }
        return FactorizedProduct(
            weight: try model.finiteFloats(linear.weight),
            bias: try linear.bias.map { name throws(CompressionError) in
                try model.finiteFloats(name)
            },
            input: input, target: try sweep.target(of: node, in: model), moments: inputs.moments,
            heldOut: heldOut.isEmpty ? fitted : heldOut)
    }

    /// Puts "x.down" in front of "x".
    private func replace(
        _ node: Node, _ linear: Linear, _ weight: Tensor, _ factors: FactorizedProduct.Factors,
        _ model: inout Model, _ record: inout PassRecord
    ) {
        let (outputs, rank) = (factors.outer.shape[0], factors.outer.shape[1])
        let downName = Self.name(ofInner: linear.weight, node: node.name)
        let approximation = MatrixProduct.multiply(
            factors.outer.values.map { Double($0) }, factors.inner.values.map { Double($0) },
            rows: outputs, columns: weight.shape[1], depth: rank)
        record.changes += [
            TensorChange(
                name: linear.weight,
                bytesBefore: model.parameters[linear.weight].map(model.bytesInCheckpoint) ?? 0,
                bytesAfter: 4 * factors.outer.elementCount,
                signalEnergy: weight.meanSquare * Double(weight.elementCount),
                errorEnergy: weight.squaredDistance(
                    to: Tensor(shape: weight.shape, values: approximation.map { Float($0) }))),
            // Its bytes before are those of the product.
            TensorChange(
                name: downName, bytesBefore: 0, bytesAfter: 4 * factors.inner.elementCount,
                signalEnergy: factors.inner.meanSquare * Double(factors.inner.elementCount),
                errorEnergy: 0),
        ]
        model.parameters[downName] = Parameter(
            shape: factors.inner.shape, storage: .dense(factors.inner))
        model.parameters[linear.weight] = Parameter(
            shape: factors.outer.shape, storage: .dense(factors.outer))
        var linear = linear
        let biasName = linear.bias ?? linear.weight + ".bias"
        model.parameters[biasName] = Parameter(
            shape: factors.bias.shape, storage: .dense(factors.bias))
        linear.bias = biasName
        guard let position = model.graph.nodes.firstIndex(where: { $0.output == node.output })
        else { return }
        let down = ValueID(model.graph.values.count)
        model.graph.values.append(
            Value(
                name: node.name + ".down", rows: model.graph[node.output].rows, columnCount: rank))
        model.graph.nodes[position].operation = .linear(linear)
        model.graph.nodes[position].inputs = [down]
        model.graph.nodes.insert(
            Node(
                name: node.name + ".down",
                operation: .linear(Linear(weight: downName, bias: nil)), inputs: node.inputs,
                output: down), at: position)
    }

    /// "x.down.weight" for the weight "x.weight" of the node "x".
    private static func name(ofInner weight: String, node: String) -> String {
        weight.hasPrefix(node + ".")
            ? node + ".down" + weight.dropFirst(node.count) : weight + ".down"
    }
}
