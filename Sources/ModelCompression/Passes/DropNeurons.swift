package import ModelGraph

/// Drops feed-forward neurons until a share of them is left in the whole model.
///
/// How many go in which layer is decided by the loss of the answers that was measured for several
/// widths (`UnitCurves`, `Allocation`); which ones, by the optimal brain surgeon with the compressed
/// prefix in front; the product that reads them is then fitted to the original model
/// (`UnitRemoval`).
package struct DropNeurons: CompressionPass {
    package static let name = "drop-neurons"

    package var share = 0.75
    var compensation = UnitRemoval.Compensation.refit
    package var use = CalibrationUse.removal

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
            model, kinds: [.neurons], calibration: calibration, importance: importance,
            context: context.part(0, 0.6))
        let total = curves.reduce(0) { $0 + $1.site.unitCount }
        let places = curves.map { curve in
            curve.counts.map { Allocation.Option(cost: Double($0), loss: curve.loss($0)) }
        }
        guard let choice = Allocation.choose(places, budget: share * Double(total)) else {
            record.notes.append("there is nothing that could be dropped")
            return record
        }
        var plans: [String: UnitPlan] = [:]
        for (curve, index) in zip(curves, choice) {
            plans[curve.name] = .count(curve.counts[index])
        }
        var removal = UnitRemoval()
        removal.compensation = compensation
        // The mean that takes the place of a neuron is added to every row, so every row has a say.
        let weighing = compensation == .refit ? importance : nil
        try removal.apply(
            plans, to: &model, context: context.part(0.6, 1), calibration: calibration,
            importance: weighing, &record)
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }
}

extension DropNeurons: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        share = try options.number("share", in: 0.01...1, default: share)
        compensation = try options.choice("compensation", default: compensation)
        try use.read(&options)
    }
}

extension DropNeurons {
    package var summary: String {
        "\(share) of the feed-forward neurons stay, compensation \(compensation.rawValue)"
    }

    package func estimate(_ size: inout SizeEstimate) {
        // Feed-forward networks have about two thirds of the weights of an encoder's layers.
        size.scaleProducts(by: 1 - (1 - share) * 2 / 3)
    }
}
