package import ModelGraph

/// Drops heads and feed-forward neurons until a share of the multiply-accumulates is left.
///
/// How many go at which place is decided by what it costs the answers: the loss of every place is
/// measured at a few sizes (`UnitCurves`), and dynamic programming divides the budget
/// (`Allocation`). Then they go, layer by layer, and what is left is fitted to the original model
/// (`UnitRemoval`). File, memory and time shrink alike; every layer ends with its own widths.
///
/// Needs calibration data: 128 texts or more. Costs little down to half of the multiply-accumulates
/// of a model that was not made small before; embeddings, which have no decision boundary to hide
/// behind, cost more than classifiers.
package struct ShrinkLayers: CompressionPass {
    package static let name = "shrink"

    /// Share of the multiply-accumulates of heads and neurons that may be left.
    package var keep = 0.5
    /// Length of input for which multiply-accumulates are counted.
    package var tokens = 128
    package var use = CalibrationUse.removal
    package var realigns = true

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        var record = PassRecord(pass: Self.name)
        guard let data = context.calibration else { throw .needsCalibration(pass: Self.name) }
        let calibration = use.sequences(of: data)
        let importance = try use.importance(calibration, context)
        let curves = try UnitCurves.measure(
            model, kinds: [.heads, .neurons], calibration: calibration, importance: importance,
            context: context.part(0, 0.5))
        let read = RowsRead(model.graph, outputs: model.graph.outputs.values)
        let costs = curves.map { $0.site.unitCost(in: model.graph, read: read, tokens: tokens) }
        let total = zip(curves, costs).reduce(0.0) {
            $0 + Double($1.0.site.unitCount) * Double($1.1)
        }
        let places = zip(curves, costs).map { curve, cost in
            curve.counts.map {
                Allocation.Option(cost: Double($0 * cost), loss: curve.loss($0))
            }
        }
        guard let choice = Allocation.choose(places, budget: keep * total) else {
            record.notes.append("there is nothing that could be dropped")
            return record
        }
        var plans: [String: UnitPlan] = [:]
        var left = 0.0
        for (index, curve) in curves.enumerated() {
            let count = curve.counts[choice[index]]
            plans[curve.name] = .count(count)
            left += Double(count * costs[index])
        }
        var removal = UnitRemoval()
        removal.realigns = realigns
        try removal.apply(
            plans, to: &model, context: context.part(0.5, 1), calibration: calibration,
            importance: importance, &record)
        let percent = total > 0 ? (1000 * left / total).rounded() / 10 : 100
        record.notes.append(
            "\(percent) % of the multiply-accumulates of heads and neurons left at \(tokens) tokens"
        )
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }
}

extension ShrinkLayers: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        keep = try options.number("keep", in: 0.01...1, default: keep)
        tokens = try options.integer("tokens", in: 1...1 << 20, default: tokens)
        try use.read(&options)
        realigns = try options.bool("realign", default: realigns)
    }
}

extension UnitCurve {
    /// Sizes that a site may get: any number of heads, neurons by sixty-fourths of what a kernel
    /// likes to have, never none of them.
    var counts: [Int] {
        switch site.kind {
        case .heads:
            return Array((0...site.unitCount).reversed())
        case .neurons:
            let step = site.unitCount >= 512 ? 64 : max(1, site.unitCount / 16)
            return [site.unitCount]
                + stride(from: (site.unitCount - 1) / step * step, to: 0, by: -step)
        }
    }
}

extension ShrinkLayers {
    package var summary: String {
        "heads and neurons drop to \(keep) of their multiply-accumulates at \(tokens) tokens"
    }

    package func estimate(_ size: inout SizeEstimate) {
        size.scaleProducts(by: keep)
    }
}
