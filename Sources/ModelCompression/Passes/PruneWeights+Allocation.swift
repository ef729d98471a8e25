import ModelGraph
import Tensors

/// How many weights each product loses.
extension PruneWeights {
    /// The sparsity of each product by the name of its node.
    ///
    /// Sensitivity is measured in the model as it is: what the method does to each product at a few
    /// sparsities, in parts of the variance of its output, before any fit.
    func sparsities(
        of sites: [LinearSite], _ model: Model, _ calibration: CalibrationSet,
        _ context: PassContext, progress: (Double) -> Void
    ) throws(CompressionError) -> [String: Double] {
        guard allocation == .sensitivity, pattern.fixedSparsity == nil else { return [:] }
        let distribution = SparsityAllocation(around: sparsity, reach: reach)
        let firstNodes = Dictionary(
            uniqueKeysWithValues: sites.map { (model.graph.nodes[$0.nodes[0]].name, $0) })
        var names: [String] = []
        var curves: [SparsityAllocation.Curve] = []
        var unchanged = model
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model,
            importance: try use.importance(calibration, context), threadCount: context.threadCount)
        let total = sites.reduce(0) { $0 + $1.nodes.count }
        var unfitted = self
        unfitted.refit = 0
        try sweep.run(&unchanged) { model, node, sweep throws(CompressionError) in
            guard let site = firstNodes[node.name],
                let rows = Self.rows(of: site, in: model, sweep)
            else { return }
            let fit = PruningFit(rows, weights: sweep.rowWeights(of: node), unfitted)
            for index in site.nodes {
                guard let linear = model.graph.linear(at: index) else { continue }
                names.append(model.graph.nodes[index].name)
                curves.append(
                    curve(
                        of: try model.finiteFloats(linear.weight), fit, distribution.grid))
                progress(Double(curves.count) / Double(total))
            }
        }
        let sparsities = distribution.sparsities(curves, sparsity: sparsity)
        return Dictionary(zip(names, sparsities), uniquingKeysWith: { first, _ in first })
    }

    /// Errors of a product at the sparsities of the grid, in parts of the variance of its output.
    private func curve(
        of weight: Tensor, _ fit: PruningFit, _ grid: [Double]
    ) -> SparsityAllocation.Curve {
        let size = weight.columnCount
        let centred = fit.moments.second.values.map { Float($0) }
        let signal = ClipSearch.outputErrors(weight.values, centred, size: size)
            .reduce(0) { $0 + Double($1) }
        let errors = grid.map { sparsity in
            let pruned =
                fit.pruned(weight, method, pattern, sparsity: sparsity)
                ?? Self.magnitude(weight, pattern, sparsity: sparsity)
            let lost = zip(weight.values, pruned).map { $0 - $1 }
            // Without the mean, which the bias restores.
            let error = ClipSearch.outputErrors(lost, centred, size: size)
                .reduce(0) { $0 + Double($1) }
            return error / max(signal, .leastNormalMagnitude)
        }
        return SparsityAllocation.Curve(weightCount: weight.elementCount, errors: errors)
    }
}
