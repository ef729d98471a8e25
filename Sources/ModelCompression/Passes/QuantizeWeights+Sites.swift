import ModelGraph
import Tensors

/// Linear layers: codes are fitted to what flows through the quantized model.
extension QuantizeWeights {
    /// What all sweeps over the same sites share.
    struct Preparation {
        let calibration: CalibrationSet
        let importance: RowImportance?
        /// By the name of the node; products without one get `step`.
        let steps: [String: Double]
    }

    /// Looks at the calibration data and at the model as it is before any product is quantized.
    func preparation(
        _ sites: [LinearSite], _ model: Model, _ context: PassContext
    ) throws(CompressionError) -> Preparation {
        let calibration = use.sequences(of: context.calibration ?? .synthetic(for: model))
        let importance = try use.importance(calibration, context)
        return Preparation(
            calibration: calibration, importance: importance,
            steps: try steps(of: sites, model, calibration, importance, context.part(0, 0.5)))
    }

    /// Quantizes the sites in one sweep.
    ///
    /// - Parameter leaving: Nodes that keep 16 bits.
    /// - Returns: Nodes whose error stands out from the others'.
    func quantize(
        _ sites: [LinearSite], of model: inout Model, _ prepared: Preparation,
        _ context: PassContext, leaving: Set<String>, _ record: inout PassRecord
    ) throws(CompressionError) -> [String] {
        let (calibration, steps) = (prepared.calibration, prepared.steps)
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model,
            importance: prepared.importance, threadCount: context.threadCount)
        let firstNodes = Dictionary(
            uniqueKeysWithValues: sites.map { (model.graph.nodes[$0.nodes[0]].name, $0) })
        let isFitted = !calibration.isSynthetic
        let total = sites.reduce(0) { $0 + $1.nodes.count }
        var done = 0
        var changes: [TensorChange] = []
        var outputs: [OutputChange] = []
        var residuals: [String: Double] = [:]
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard let site = firstNodes[node.name] else { return }
            let left = site.nodes.filter { leaving.contains(model.graph.nodes[$0].name) }
            for index in left {
                guard let weight = model.graph.linear(at: index)?.weight else { continue }
                if let change = try Self.halve(weight, of: &model) { changes.append(change) }
            }
            let rest = LinearSite(
                input: site.input, nodes: site.nodes.filter { !left.contains($0) })
            if !rest.nodes.isEmpty {
                try quantize(
                    rest, of: &model, sweep, steps: steps, isFitted: isFitted, &changes, &outputs,
                    &residuals)
            }
            done += site.nodes.count
            context.progress(Double(done) / Double(total))
        }
        record.changes += changes
        record.outputs += outputs
        return outliers(outputs, residuals)
    }

    /// Products whose error stands out in what is read: where a residual connection adds to an
    /// output, the variance of both counts.
    private func outliers(_ outputs: [OutputChange], _ residuals: [String: Double]) -> [String] {
        guard outputs.count >= 4 else { return [] }
        let errors = outputs.map { output in
            let energy = output.signalEnergy + residuals[output.name, default: 0]
            return energy > 0 ? output.errorAfter / energy : 0
        }
        let bound = max(outlierFactor * errors.sorted()[errors.count / 2], 1e-3)
        return zip(outputs, errors).filter { $0.1 > bound }.map(\.0.name)
    }

    private func quantize(
        _ site: LinearSite, of model: inout Model, _ sweep: CalibrationSweep,
        steps: [String: Double], isFitted: Bool, _ changes: inout [TensorChange],
        _ outputs: inout [OutputChange], _ residuals: inout [String: Double]
    ) throws(CompressionError) {
        let first = model.graph.nodes[site.nodes[0]]
        guard let input = sweep.compressed[site.input] else { return }
        let fitted = sweep.compressed.rows(of: sweep.fittedSequences, site.input, in: model)
        let heldOut = sweep.compressed.rows(of: sweep.heldOutSequences, site.input, in: model)
        var weights: [Tensor] = []
        for index in site.nodes {
            guard let linear = model.graph.linear(at: index) else { continue }
            weights.append(try model.finiteFloats(linear.weight))
        }
        let smoothing = try smoothing(input, fitted, weights)
        let range = try range(of: input, fitted, smoothing, weights)
        let rows = SiteRows(
            codes: input.roundedToCodes(multipliers: smoothing.multipliers, range: range),
            fitted: fitted, heldOut: heldOut.isEmpty ? fitted : heldOut)
        let fit =
            isFitted
            ? SiteFit(rows, weights: sweep.rowWeights(of: first), rounding: rounding) : nil
        let multipliersName = first.name + ".input_multipliers"
        if let multipliers = smoothing.multipliers {
            model.parameters[multipliersName] = Parameter(
                shape: [multipliers.count],
                storage: .dense(Tensor(shape: [multipliers.count], values: multipliers)))
        }
        for (index, weight) in zip(site.nodes, weights) {
            guard var linear = model.graph.linear(at: index) else { continue }
            let name = model.graph.nodes[index].name
            let bias = try linear.bias.map { name throws(CompressionError) in
                try model.finiteFloats(name)
            }
            let product = QuantizedProduct(
                weight: smoothing.apply(to: weight), bias: bias,
                target: try sweep.target(of: model.graph.nodes[index], in: model), rows: rows)
            var options = self
            options.step = steps[name] ?? step
            let chosen = try product.quantized(options, name: name, fit: fit)
            changes.append(
                TensorChange(
                    name: linear.weight,
                    bytesBefore: model.parameters[linear.weight].map(model.bytesInCheckpoint) ?? 0,
                    bytesAfter: chosen.rows.byteCount,
                    signalEnergy: weight.meanSquare * Double(weight.elementCount),
                    errorEnergy: chosen.weightError))
            outputs.append(chosen.output)
            residuals[name] = sweep.residualEnergy(of: model.graph.nodes[index], rows: rows.judged)
            model.parameters[linear.weight]?.storage = .quantizedRows(chosen.rows)
            if let corrected = chosen.bias {
                let biasName = linear.bias ?? linear.weight + ".bias"
                model.parameters[biasName] = Parameter(
                    shape: corrected.shape, storage: .dense(corrected))
                linear.bias = biasName
            }
            if smoothing.divisors != nil { linear.inputMultipliers = multipliersName }
            linear.inputRange = range
            model.graph.setLinear(linear, at: index)
        }
    }

    private func smoothing(
        _ input: Tensor, _ rows: Range<Int>, _ weights: [Tensor]
    ) throws(CompressionError) -> Smoothing {
        switch smoothing {
        case .exponent(let exponent):
            return Smoothing(exponent: exponent, input: input, rows: rows, weights: weights)
        case .search:
            do {
                return try Smoothing.search(
                    input: input, rows: rows, weights: weights, grid: { grid($0) },
                    isStatic: activations == .static)
            } catch {
                throw .model(.tensor(node: "smoothing", error))
            }
        }
    }

    /// What the codes of the input span; nil for the range of each row.
    private func range(
        of input: Tensor, _ rows: Range<Int>, _ smoothing: Smoothing, _ weights: [Tensor]
    ) throws(CompressionError) -> ClosedRange<Float>? {
        guard activations == .static else { return nil }
        var sample = Smoothing.sample(of: input, rows)
        if let multipliers = smoothing.multipliers {
            sample = sample.multiplyingColumns(by: multipliers)
        }
        do {
            return try StaticRange.search(sample, weights: weights.map(smoothing.apply))
        } catch {
            throw .model(.tensor(node: "range", error))
        }
    }

    /// The grid of a matrix before anything is fitted.
    ///
    /// - Parameter importances: Of the inputs, for codes of 4 bits: groups cover the part of their
    ///   range that pays; nil covers all of it.
    func grid(_ weight: Tensor, importances: [Float]? = nil) -> CodeGrid {
        if bits == 4 {
            return .groups(
                weight.values, columnCount: weight.columnCount, rowCount: weight.rowCount,
                importances: clips ? importances : nil)
        }
        let distances = step.map { step in
            [Float](
                repeating: Float(step * weight.meanSquare.squareRoot()), count: weight.rowCount)
        }
        return CodeGrid(
            limit: limit, weights: weight.values, columnCount: weight.columnCount,
            rowCount: weight.rowCount, distances: distances)
    }
}
