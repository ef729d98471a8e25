import ModelGraph
import Tensors

/// What is to be left of a site.
enum UnitPlan {
    /// So many units; which ones is decided where they are, with the compressed prefix as input.
    case count(Int)
    /// These, ascending.
    case units([Int])

    func count(of site: UnitSite) -> Int {
        switch self {
        case .count(let count): min(count, site.unitCount)
        case .units(let units): units.count
        }
    }
}

/// Removes units in one sweep, site by site, and lets what is left make up for them.
///
/// The product that reads the units is fitted anew to what the original model has there, the error
/// of the residual stream included, by ridge least squares (`RidgeFit`), and the units leave by the
/// structured optimal brain surgeon (`BlockSurgeon`), so the product is the least-squares optimum for
/// those that stay. Products in between are brought back to the original outputs in the same way.
/// Of the re-fit, the surgeon on the product's own output, and the mean of what was dropped, the way
/// is taken that has the least error on the held-out sequences, and is then gone with all sequences.
struct UnitRemoval {
    enum Compensation: String, Sendable, CaseIterable {
        /// The units leave and nothing else changes.
        case none
        /// Their mean goes to the bias (An et al. 2023, FLAP, arXiv 2312.11983).
        case mean
        case refit
    }

    var compensation = Compensation.refit
    /// Whether products that lose nothing are fitted to the original outputs as well.
    var realigns = true
    /// Ridges that are tried; the one with the least error on the held-out sequences is taken.
    static let ridges = [0.01, 0.03, 0.1, 0.3, 1, 3, 10]

    /// - Parameters:
    ///   - plans: By the name of the site's output node; other sites stay whole.
    ///   - importance: Of the rows of the original model.
    func apply(
        _ plans: [String: UnitPlan], to model: inout Model, context: PassContext,
        calibration: CalibrationSet, importance: RowImportance?, _ record: inout PassRecord
    ) throws(CompressionError) {
        var sweep = try CalibrationSweep(
            calibration, original: context.original, compressed: model, importance: importance,
            threadCount: context.threadCount)
        let sites = Dictionary(
            uniqueKeysWithValues: UnitSite.sites(of: model).map {
                (model.graph.nodes[$0.output].name, $0)
            })
        let nodeCount = model.graph.nodes.count
        // A weight that something else reads, as a token table does, cannot be fitted to one product.
        let shared = model.graph.sharedParameterNames
        var found = PassRecord(pass: record.pass)
        var hasChanged = false
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            context.progress(Double(sweep.compressed.position) / Double(nodeCount))
            guard case .linear(let linear) = node.operation,
                let parameter = model.parameters[linear.weight], parameter.hasFloats
            else { return }
            if let site = sites[node.name], let plan = plans[node.name],
                plan.count(of: site) < site.unitCount
            {
                try remove(plan, site, node, &model, &sweep, &found)
                hasChanged = true
            } else if realigns, hasChanged, compensation == .refit,
                !shared.contains(linear.weight)
            {
                try realign(node, &model, sweep, &found)
            }
        }
        record.changes += found.changes
        record.outputs += found.outputs
        record.notes += found.notes
    }

    // MARK: - One site

    private func remove(
        _ plan: UnitPlan, _ site: UnitSite, _ node: Node, _ model: inout Model,
        _ sweep: inout CalibrationSweep, _ record: inout PassRecord
    ) throws(CompressionError) {
        let fit = try ProductFit(node, model, sweep)
        let count = plan.count(of: site)
        var taking: Set<Int>?
        if case .units(let units) = plan { taking = Set(0..<site.unitCount).subtracting(units) }
        let best = try fit.reduced(
            to: count, taking: taking, groupSize: site.columnsPerUnit, compensation: compensation)
        let before = fit.weightTensor
        let columns = site.columns(of: best.kept)
        record.changes.append(
            TensorChange(
                name: linearName(node),
                bytesBefore: model.parameters[linearName(node)].map(model.bytesInCheckpoint) ?? 0,
                bytesAfter: best.weight.elementCount * 4,
                signalEnergy: before.meanSquare * Double(before.elementCount),
                errorEnergy: before.selectingColumns(columns).squaredDistance(to: best.weight)))
        record.outputs.append(
            OutputChange(
                name: node.name, signalEnergy: fit.signal, errorBefore: fit.ownError,
                errorAfter: best.error))
        record.notes.append(
            "\(node.name): \(best.kept.count) of \(site.unitCount) \(site.kind.rawValue) left, \(best.name)"
        )
        let input = node.inputs[0]
        try model.keep(best.kept, of: site, weight: best.weight, bias: best.bias)
        sweep.compressed.selectColumns(columns, of: input)
    }

    private func realign(
        _ node: Node, _ model: inout Model, _ sweep: CalibrationSweep, _ record: inout PassRecord
    ) throws(CompressionError) {
        let fit = try ProductFit(node, model, sweep)
        guard let refitted = try fit.refitted() else { return }
        guard let index = model.graph.nodes.firstIndex(where: { $0.name == node.name }) else {
            return
        }
        model.replace(weight: refitted.weight, bias: refitted.bias, ofProduct: index)
        record.outputs.append(
            OutputChange(
                name: node.name, signalEnergy: fit.signal, errorBefore: fit.ownError,
                errorAfter: refitted.error))
    }

    private func linearName(_ node: Node) -> String {
        if case .linear(let linear) = node.operation { linear.weight } else { node.name }
    }
}

extension Parameter {
    /// Whether no pass has quantized it.
    var hasFloats: Bool {
        if case .quantizedRows = storage { false } else { true }
    }
}
