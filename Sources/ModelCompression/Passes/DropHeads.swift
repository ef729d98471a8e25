package import ModelGraph

/// Drops attention heads until a number of them is left in the whole model; each layer ends with its
/// own number, down to none.
///
/// Which heads go is decided by
///
/// * `obs`: the structured optimal brain surgeon inside each layer, and between the layers the loss
///   of the answers that was measured for each number of heads (`UnitCurves`, `Allocation`);
/// * `leave-one-out`: what the answers lose when the head alone is gone;
/// * `confidence`: how sure a head is of where it looks, the mean of its largest probability
///   (Voita et al. 2019, arXiv 1905.09418).
///
/// What is left is then fitted to the original model (`UnitRemoval`), or only given the mean of what
/// was dropped, or nothing. Heads that share keys and values go together.
package struct DropHeads: CompressionPass {
    package static let name = "drop-heads"

    package enum Score: String, Sendable, CaseIterable {
        case obs
        case leaveOneOut = "leave-one-out"
        case confidence
    }

    /// Heads that are left in all layers together; nil drops by `share`.
    package var count: Int?
    /// Share of the heads that are left.
    package var share = 0.75
    package var score = Score.obs
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
        let sites = UnitSite.sites(of: model).filter { $0.kind == .heads }
        let total = sites.reduce(0) { $0 + $1.unitCount }
        let left = min(total, count ?? Int((share * Double(total)).rounded()))
        guard left < total else {
            record.notes.append("all \(total) heads stay")
            return record
        }
        let importance = try use.importance(calibration, context)
        let plans =
            switch score {
            case .obs:
                try plansByCurve(model, left, calibration, importance, context.part(0, 0.6))
            case .leaveOneOut:
                plans(
                    try HeadScores.leaveOneOut(model, calibration, context.part(0, 0.6)),
                    keeping: left)
            case .confidence:
                plans(
                    try HeadScores.confidence(model, calibration, context.part(0, 0.6)),
                    keeping: left)
            }
        var removal = UnitRemoval()
        removal.compensation = compensation
        // The mean that takes the place of a head is added to every row, so every row has a say.
        let weighing = compensation == .refit ? importance : nil
        try removal.apply(
            plans, to: &model, context: context.part(0.6, 1), calibration: calibration,
            importance: weighing, &record)
        record.notes.append("\(left) of \(total) heads left")
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    private func plansByCurve(
        _ model: Model, _ left: Int, _ calibration: CalibrationSet, _ importance: RowImportance?,
        _ context: PassContext
    ) throws(CompressionError) -> [String: UnitPlan] {
        let curves = try UnitCurves.measure(
            model, kinds: [.heads], calibration: calibration, importance: importance,
            context: context)
        let places = curves.map { curve in
            curve.counts.map { Allocation.Option(cost: Double($0), loss: curve.loss($0)) }
        }
        guard let choice = Allocation.choose(places, budget: Double(left)) else { return [:] }
        var plans: [String: UnitPlan] = [:]
        for (curve, index) in zip(curves, choice) {
            plans[curve.name] = .count(curve.counts[index])
        }
        return plans
    }

    /// Keeps the heads with the largest scores, whatever their layer.
    private func plans(_ scores: [String: [Double]], keeping left: Int) -> [String: UnitPlan] {
        let ranked = scores.sorted { $0.key < $1.key }.flatMap { name, scores in
            scores.enumerated().map { (name: name, unit: $0.offset, score: $0.element) }
        }.sorted { ($1.score, $0.name, $0.unit) < ($0.score, $1.name, $1.unit) }
        var units = scores.mapValues { _ in [Int]() }
        for head in ranked.prefix(left) { units[head.name, default: []].append(head.unit) }
        return units.mapValues { .units($0.sorted()) }
    }
}

extension DropHeads: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        count = try options.integer("heads", in: 0...1 << 20)
        share = try options.number("share", in: 0...1, default: share)
        score = try options.choice("score", default: score)
        compensation = try options.choice("compensation", default: compensation)
        try use.read(&options)
    }
}

extension DropHeads {
    package var summary: String {
        (count.map { "\($0) heads" } ?? "\(share) of the heads")
            + " stay, by \(score.rawValue), compensation \(compensation.rawValue)"
    }

    package func estimate(_ size: inout SizeEstimate) {
        // Attention has about a third of the weights of an encoder's layers.
        if count == nil { size.scaleProducts(by: 1 - (1 - share) / 3) }
    }
}
