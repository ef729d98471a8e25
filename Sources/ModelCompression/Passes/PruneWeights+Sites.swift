import ModelGraph
import Tensors

/// Linear layers.
extension PruneWeights {
    /// Without data: magnitude, each product for itself.
    func prune(
        _ sites: [LinearSite], of model: inout Model, _ context: PassContext,
        _ record: inout PassRecord
    ) throws(CompressionError) {
        let nodes = sites.flatMap(\.nodes)
        var tally = ZeroTally()
        for (count, index) in nodes.enumerated() {
            guard let linear = model.graph.linear(at: index) else { continue }
            let weight = try model.finiteFloats(linear.weight)
            let pruned = Self.magnitude(weight, pattern, sparsity: sparsity)
            record.changes.append(
                replace(linear.weight, weight, with: pruned, changesValues: false, in: &model))
            tally.add(pruned)
            context.progress(Double(count + 1) / Double(nodes.count))
        }
        record.notes.append(tally.sentence)
    }

    /// With data: site by site behind the pruned prefix.
    func prune(
        _ sites: [LinearSite], of model: inout Model, _ calibration: CalibrationSet,
        _ context: PassContext, _ record: inout PassRecord
    ) throws(CompressionError) {
        let calibration = use.sequences(of: calibration)
        let looks = allocation == .sensitivity ? 0.4 : 0
        let sparsities = try sparsities(of: sites, model, calibration, context) {
            context.progress(looks * $0)
        }
        let firstNodes = Dictionary(
            uniqueKeysWithValues: sites.map { (model.graph.nodes[$0.nodes[0]].name, $0) })
        let total = sites.reduce(0) { $0 + $1.nodes.count }
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model,
            importance: try use.importance(calibration, context), threadCount: context.threadCount)
        var work = Work()
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard let site = firstNodes[node.name],
                let rows = Self.rows(of: site, in: model, sweep)
            else { return }
            let fit = PruningFit(rows, weights: sweep.rowWeights(of: node), self)
            for index in site.nodes {
                try prune(
                    index, of: &model, sweep, rows, fit,
                    sparsity: sparsities[model.graph.nodes[index].name] ?? sparsity, &work)
                let done = Double(work.outputs.count) / Double(total)
                context.progress(looks + (1 - looks) * done)
            }
        }
        record.changes += work.changes
        record.outputs += work.outputs
        record.notes.append(work.tally.sentence)
        record.notes += work.notes(of: self)
    }

    /// What was done so far in a sweep.
    private struct Work {
        var changes: [TensorChange] = []
        var outputs: [OutputChange] = []
        var tally = ZeroTally()
        /// Products for which plain magnitude was better.
        var plain: [String] = []
        /// Products whose fitted weights were no better.
        var unfitted: [String] = []

        func notes(of pass: PruneWeights) -> [String] {
            var notes: [String] = []
            if !plain.isEmpty {
                notes.append(
                    "\(plain.joined(separator: ", ")): by magnitude, which is better there on "
                        + "held-out sequences than \(pass.method.rawValue)")
            }
            if !unfitted.isEmpty {
                notes.append(
                    "\(unfitted.joined(separator: ", ")): not fitted again, which is better there "
                        + "on held-out sequences")
            }
            return notes
        }
    }

    private func prune(
        _ index: Int, of model: inout Model, _ sweep: CalibrationSweep, _ rows: SiteRows,
        _ fit: PruningFit, sparsity: Double, _ work: inout Work
    ) throws(CompressionError) {
        guard var linear = model.graph.linear(at: index) else { return }
        let name = model.graph.nodes[index].name
        let weight = try model.finiteFloats(linear.weight)
        let bias = try linear.bias.map { name throws(CompressionError) in
            try model.finiteFloats(name)
        }
        let chosen = try PrunedProduct(
            weight: weight, bias: bias,
            target: try sweep.target(of: model.graph.nodes[index], in: model), rows: rows, fit: fit
        ).pruned(self, sparsity: sparsity, name: name)
        work.changes.append(
            replace(
                linear.weight, weight, with: chosen.weight.values,
                changesValues: chosen.isRefitted || chosen.method == .sparsegpt, in: &model))
        work.outputs.append(chosen.output)
        work.tally.add(chosen.weight.values)
        if chosen.method != method {
            work.plain.append(name)
        } else if fit.refit != nil, !chosen.isRefitted {
            work.unfitted.append(name)
        }
        guard let corrected = chosen.bias else { return }
        let biasName = linear.bias ?? linear.weight + ".bias"
        model.parameters[biasName] = Parameter(
            shape: corrected.shape, storage: .dense(corrected))
        linear.bias = biasName
        model.graph.setLinear(linear, at: index)
    }

    /// What flows into a site at this point of a sweep.
    static func rows(
        of site: LinearSite, in model: Model, _ sweep: CalibrationSweep
    ) -> SiteRows? {
        guard let input = sweep.compressed[site.input] else { return nil }
        let fitted = sweep.compressed.rows(of: sweep.fittedSequences, site.input, in: model)
        let heldOut = sweep.compressed.rows(of: sweep.heldOutSequences, site.input, in: model)
        return SiteRows(
            codes: input, fitted: fitted, heldOut: heldOut.isEmpty ? fitted : heldOut)
    }
}

/// Counts zeros.
private struct ZeroTally {
    private var zeros = 0
    private var count = 0

    mutating func add(_ values: [Float]) {
        zeros += values.count { $0 == 0 }
        count += values.count
    }

    var sentence: String {
        let share = Double(zeros) / Double(max(1, count))
        let percent = (1000 * share).rounded() / 10
        return "\(percent) % of \(count) weights of linear layers are zero"
    }
}
