import ModelGraph
import Tensors

/// How coarse the steps of each product may be.
extension QuantizeWeights {
    /// Steps at which the loss of a product is measured: coarse enough to stand out.
    private static let probedStep = 0.32
    private static let probeSequences = 64
    /// No product's step is farther from the mean than by this factor.
    private static let reach = 2.5

    /// The step of each product by the name of its node; empty if all have the same.
    ///
    /// What the answers lose when one product alone is rounded to the nearest codes, times the share
    /// of it that stays when the other weights make up for each error (`InverseFactor`).
    func steps(
        of sites: [LinearSite], _ model: Model, _ calibration: CalibrationSet,
        _ importance: RowImportance?, _ context: PassContext
    ) throws(CompressionError) -> [String: Double] {
        guard let step, allocation == .sensitivity, !calibration.isSynthetic,
            let role = OutputDistance.role(of: model), let answer = model.graph.outputs[role]
        else { return [:] }
        let fitted = Array(calibration.sequences[calibration.fitted])
        let probed = calibration.heldOut.isEmpty ? calibration.fitted : calibration.heldOut
        let held = Array(calibration.sequences[probed].prefix(Self.probeSequences))
        let firstNodes = Dictionary(uniqueKeysWithValues: sites.map { ($0.nodes[0], $0) })
        let total = sites.reduce(0) { $0 + $1.nodes.count }
        var names: [String] = []
        var matrices: [StepAllocation.Matrix] = []
        var stream = try context.stream(fitted, through: model)
        var probe = try context.stream(held, through: model)
        let expected = try CompressionError.wrapping { () throws(ModelError) in
            try probe.finished(model, answer)
        }
        for index in model.graph.nodes.indices {
            if let site = firstNodes[index], let input = stream[site.input] {
                let rows = stream.rows(of: fitted.indices, site.input, in: model)
                let share = remainingShare(
                    InputMoments(input, rows: rows, weights: importance?[site.input]))
                for node in site.nodes {
                    guard let linear = model.graph.linear(at: node) else { continue }
                    let weight = try model.finiteFloats(linear.weight)
                    var rounded = model
                    rounded.parameters[linear.weight]?.storage = .dense(
                        nearest(weight, step: Self.probedStep))
                    let found = try CompressionError.wrapping { () throws(ModelError) in
                        try probe.finished(rounded, answer)
                    }
                    let loss = OutputDistance.distance(found, to: expected, task: model.task)
                    names.append(model.graph.nodes[node].name)
                    matrices.append(
                        .init(
                            weightCount: weight.elementCount,
                            loss: max(0, loss) * share / (Self.probedStep * Self.probedStep)))
                }
                context.progress(Double(matrices.count) / Double(total))
            }
            try CompressionError.wrapping { () throws(ModelError) in
                try stream.advance(model)
                try probe.advance(model)
            }
        }
        let steps = StepAllocation.steps(matrices, mean: step, reach: Self.reach)
        return Dictionary(zip(names, steps), uniquingKeysWith: { first, _ in first })
    }

    /// The share of an error's energy at the output that other weights cannot make up for.
    private func remainingShare(_ moments: InputMoments) -> Double {
        guard rounding == .gptq, moments.second.meanOfDiagonal > 0,
            let factor = InverseFactor(moments: moments.second, order: .byActivation)
        else { return 1 }
        return factor.meanErrorCost / moments.second.meanOfDiagonal
    }

    private func nearest(_ weight: Tensor, step: Double) -> Tensor {
        var coarse = self
        coarse.step = step
        let grid = coarse.grid(weight)
        return grid.rows(
            grid.nearestCodes(weight.values, columnCount: weight.columnCount)
        ).dequantized
    }
}
