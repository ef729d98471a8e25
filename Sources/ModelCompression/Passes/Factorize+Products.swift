import Foundation
import ModelGraph
import Tensors

/// Products: two thinner ones in their place.
extension Factorize {
    /// Most held-out rows on which factors are judged.
    private static let judgedRows = 1024

    /// What products that read the same value share.
    private struct Inputs {
        let value: ValueID
        let moments: InputMoments
        /// Damped; of deviations from the mean where the bias makes up for the mean.
        let damped: SymmetricMatrix
    }

    /// Factors with the bias that goes with them.
    private struct Candidate {
        /// `[outputs, rank]`
        let outer: Tensor
        /// `[rank, inputs]`
        let inner: Tensor
        let bias: Tensor?
        let keptShare: Double
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
        let wanted = Set(names.filter(isWanted))
        for pattern in products ?? [] {
            if !names.contains(where: { $0.hasPrefix(pattern) || $0.hasSuffix(pattern) }) {
                record.notes.append("'\(pattern)' begins or ends the name of no product")
            }
        }
        guard !wanted.isEmpty else { return }
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model,
            threadCount: context.threadCount)
        var done: Set<String> = []
        var whole: [String] = []
        var inputs: Inputs?
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard wanted.contains(node.name), !done.contains(node.name) else { return }
            done.insert(node.name)
            context.progress(Double(done.count) / Double(wanted.count))
            guard case .linear(let linear) = node.operation, isFree(linear, in: model),
                let parameter = model.parameters[linear.weight],
                pays(rank: 1, outputs: parameter.shape[0], inputs: parameter.shape[1])
            else {
                whole.append(node.name)
                return
            }
            if inputs?.value != node.inputs[0] {
                inputs = self.inputs(
                    node.inputs[0], sweep, in: model, isCentred: !calibration.isSynthetic)
            }
            guard let inputs else { return }
            let isFactorized = try factorize(
                node, linear, inputs, &model, &sweep, isFitted: !calibration.isSynthetic, &record)
            if !isFactorized { whole.append(node.name) }
        }
        if !whole.isEmpty {
            record.notes.append(
                "left whole, factors would save too little: " + whole.joined(separator: ", "))
        }
    }

    /// Whether the weights of a product are floats that nothing else reads.
    private func isFree(_ linear: Linear, in model: Model) -> Bool {
        if case .quantizedRows? = model.parameters[linear.weight]?.storage { return false }
        let readers = model.graph.nodes.reduce(0) { count, node in
            count + node.operation.parameterNames.count { $0 == linear.weight }
        }
        return readers == 1 && linear.inputMultipliers == nil
    }

    private func inputs(
        _ value: ValueID, _ sweep: CalibrationSweep, in model: Model, isCentred: Bool
    ) -> Inputs? {
        guard let input = sweep.compressed[value] else { return nil }
        let fitted = sweep.compressed.rows(of: sweep.fittedSequences, value, in: model)
        let moments = InputMoments(input, rows: fitted)
        var damped = moments.second
        if isCentred && correctsBias {
            let count = Double(moments.rowCount)
            for row in 0..<damped.size {
                for column in 0..<damped.size {
                    damped[row, column] -= count * moments.mean[row] * moments.mean[column]
                }
            }
        }
        damped.addToDiagonal(max(damping * damped.meanOfDiagonal, .leastNormalMagnitude))
        return Inputs(value: value, moments: moments, damped: damped)
    }

    /// - Returns: Whether the product was factorized.
    private func factorize(
        _ node: Node, _ linear: Linear, _ inputs: Inputs, _ model: inout Model,
        _ sweep: inout CalibrationSweep, isFitted: Bool, _ record: inout PassRecord
    ) throws(CompressionError) -> Bool {
        guard let input = sweep.compressed[inputs.value] else { return false }
        let weight = try model.finiteFloats(linear.weight)
        let bias = try linear.bias.map { name throws(CompressionError) in
            try model.finiteFloats(name)
        }
        let product = try sweep.originalProduct(of: node)
        let source = sweep.originalInput(of: node)
        let original = source == nil ? nil : product
        let site = FactorizedSite(
            input: input, original: source ?? input,
            product: original ?? OriginalProduct(weight: weight, bias: bias),
            fitted: sweep.compressed.rows(of: sweep.fittedSequences, inputs.value, in: model),
            heldOut: sweep.compressed.rows(of: sweep.heldOutSequences, inputs.value, in: model),
            judgedRows: Self.judgedRows)
        do {
            let target = try site.target()
            var candidates: [Candidate] = []
            var weights = [weight]
            if isFitted, realignment > 0, original != nil,
                let realigned = realigned(weight, inputs, site)
            {
                weights.append(realigned)
            }
            var rank: Int?
            for weight in weights {
                guard
                    let decomposition = WhitenedDecomposition(
                        weight.values.map { Double($0) }, outputs: weight.shape[0],
                        inputs: weight.shape[1], moments: inputs.damped)
                else { continue }
                let found = rank ?? self.rank(of: decomposition)
                rank = found
                guard pays(rank: found, outputs: weight.shape[0], inputs: weight.shape[1]) else {
                    return false
                }
                candidates.append(
                    candidate(
                        decomposition, rank: found, bias: bias, inputs, site, isFitted: isFitted))
            }
            var best: (candidate: Candidate, error: Double)?
            for candidate in candidates {
                let error = try site.error(
                    of: candidate.outer, candidate.inner, bias: candidate.bias, target)
                if error.isFinite, error < best?.error ?? .infinity { best = (candidate, error) }
            }
            guard let best else { return false }
            let output = OutputChange(
                name: node.name, signalEnergy: target.energyOfDeviations,
                errorBefore: try site.error(of: weight, bias: bias, target),
                errorAfter: best.error)
            replace(node, linear, weight, best.candidate, &model, &record)
            sweep.compressed.follow(model.graph)
            record.outputs.append(output)
            record.notes.append(
                "\(node.name): rank \(best.candidate.inner.shape[0]) of "
                    + "\(min(weight.shape[0], weight.shape[1])), keeps "
                    + String(format: "%.2f", 100 * best.candidate.keptShare)
                    + " % of the output's energy; held-out error "
                    + String(format: "%.2f %%", 100 * output.relativeError))
            return true
        } catch {
            throw .model(.tensor(node: node.name, error))
        }
    }

    private func candidate(
        _ decomposition: WhitenedDecomposition, rank: Int, bias: Tensor?, _ inputs: Inputs,
        _ site: FactorizedSite, isFitted: Bool
    ) -> Candidate {
        let (outer, inner) = decomposition.factors(rank: rank)
        let outputs = decomposition.outputs
        var corrected = bias
        if isFitted && correctsBias {
            let wanted = site.meanOfTarget
            let down = MatrixProduct.multiply(
                inner, inputs.moments.mean, rows: rank, columns: 1, depth: decomposition.inputs)
            let found = MatrixProduct.multiply(
                outer, down, rows: outputs, columns: 1, depth: rank)
            corrected = Tensor(
                shape: [outputs], values: zip(wanted, found).map { Float($0 - $1) })
        }
        let energy = decomposition.energy
        return Candidate(
            outer: Tensor(shape: [outputs, rank], values: outer.map { Float($0) }),
            inner: Tensor(
                shape: [rank, decomposition.inputs], values: inner.map { Float($0) }),
            bias: corrected,
            keptShare: energy > 0 ? 1 - decomposition.lostEnergy(rank: rank) / energy : 1)
    }

    /// Weights that bring the output nearer to the original one, given the compressed input.
    private func realigned(
        _ weight: Tensor, _ inputs: Inputs, _ site: FactorizedSite
    ) -> Tensor? {
        let moments = InputMoments(site.input, original: site.original, rows: site.fitted)
        guard let cross = moments.cross, let mean = moments.originalMean else { return nil }
        let (outputs, originals) = (weight.shape[0], site.original.columnCount)
        let product = site.product.weight.values.map { Double($0) }
        let fit = RidgeFit(
            moments: moments.second,
            cross: MatrixProduct.multiply(
                product, cross, rows: outputs, columns: weight.shape[1], depth: originals),
            mean: moments.mean,
            targetMean: MatrixProduct.multiply(
                product, mean, rows: outputs, columns: 1, depth: originals),
            rowCount: moments.rowCount, prior: weight.values.map { Double($0) },
            ridge: realignment)
        return fit.map { Tensor(shape: weight.shape, values: $0.weights.map { Float($0) }) }
    }

    /// Puts "x.down" in front of "x".
    private func replace(
        _ node: Node, _ linear: Linear, _ weight: Tensor, _ factors: Candidate,
        _ model: inout Model, _ record: inout PassRecord
    ) {
        let (outputs, rank) = (factors.outer.shape[0], factors.outer.shape[1])
        let downName = linear.weight.replacingLastPart(
            of: node.name, by: node.name + ".down")
        let bytesBefore = model.parameters[linear.weight].map(model.bytesInCheckpoint) ?? 0
        let approximation = MatrixProduct.multiply(
            factors.outer.values.map { Double($0) }, factors.inner.values.map { Double($0) },
            rows: outputs, columns: weight.shape[1], depth: rank)
        record.changes.append(
            TensorChange(
                name: linear.weight, bytesBefore: bytesBefore,
                bytesAfter: 4 * factors.outer.elementCount,
                signalEnergy: weight.meanSquare * Double(weight.elementCount),
                errorEnergy: weight.squaredDistance(
                    to: Tensor(shape: weight.shape, values: approximation.map { Float($0) }))))
        // Its bytes before are those of the product.
        record.changes.append(
            TensorChange(
                name: downName, bytesBefore: 0, bytesAfter: 4 * factors.inner.elementCount,
                signalEnergy: factors.inner.meanSquare * Double(factors.inner.elementCount),
                errorEnergy: 0))
        model.parameters[downName] = Parameter(
            shape: factors.inner.shape, storage: .dense(factors.inner))
        model.parameters[linear.weight] = Parameter(
            shape: factors.outer.shape, storage: .dense(factors.outer))
        var linear = linear
        if let bias = factors.bias {
            let name = linear.bias ?? linear.weight + ".bias"
            model.parameters[name] = Parameter(shape: bias.shape, storage: .dense(bias))
            linear.bias = name
        }
        guard let position = model.graph.nodes.firstIndex(where: { $0.output == node.output })
        else { return }
        let down = ValueID(model.graph.values.count)
        model.graph.values.append(
            Value(
                name: node.name + ".down", rows: model.graph[node.output].rows,
                columnCount: rank))
        model.graph.nodes[position].operation = .linear(linear)
        model.graph.nodes[position].inputs = [down]
        model.graph.nodes.insert(
            Node(
                name: node.name + ".down",
                operation: .linear(Linear(weight: downName, bias: nil)),
                inputs: node.inputs, output: down), at: position)
    }
}

extension String {
    /// The name of a parameter with another node in front: "x.weight" becomes "x.down.weight".
    fileprivate func replacingLastPart(of node: String, by other: String) -> String {
        hasPrefix(node + ".") ? other + dropFirst(node.count) : self + ".down"
    }
}
