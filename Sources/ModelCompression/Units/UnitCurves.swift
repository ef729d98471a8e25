import Glibc
import ModelGraph
import Tensors

/// What it costs the answers to have fewer units at one site, all other sites being whole.
struct UnitCurve {
    struct Point {
        let count: Int
        /// `OutputDistance` to the whole model on held-out sequences.
        let loss: Double
    }

    let site: UnitSite
    /// Name of the site's output node.
    let name: String
    /// In descending order of the count; the first is the whole site.
    let points: [Point]

    /// The loss for a number of units; it never falls when units leave.
    ///
    /// Between the points its logarithm lies on straight lines, and before the first it grows with
    /// the square of what is gone: losses multiply as units leave, so a chord would be far above them.
    func loss(_ count: Int) -> Double {
        var (higher, reached) = (points[0].count, 0.0)
        for point in points {
            let lower = max(reached, point.loss)
            if count >= point.count {
                guard higher > point.count else { return lower }
                let share = Double(higher - count) / Double(higher - point.count)
                guard reached > 0, lower > 0 else { return share * share * lower }
                return exp(log(reached) + share * (log(lower) - log(reached)))
            }
            higher = point.count
            reached = lower
        }
        return .infinity
    }
}

/// Measures the curves of all sites of a model.
///
/// The surgeon takes units at one site, and the held-out sequences run on from there to the answer.
struct UnitCurves {
    /// Held-out sequences that are used at most.
    private static let probeSequences = 64
    private static let headShares = [0.75, 0.5, 1.0 / 3, 1.0 / 6, 1.0 / 12, 0]
    private static let neuronShares = [2.0 / 3, 5.0 / 12, 0.25, 0.125, 1.0 / 24]

    /// - Parameters:
    ///   - shares: Of the units that are left at each point; nil for shares that suit the kind.
    ///   - importance: Of the rows of the model.
    static func measure(
        _ model: Model, kinds: Set<UnitSite.Kind>, shares: [Double]? = nil,
        calibration: CalibrationSet, importance: RowImportance?, context: PassContext
    ) throws(CompressionError) -> [UnitCurve] {
        guard let role = OutputDistance.role(of: model), let answer = model.graph.outputs[role]
        else { return [] }
        var sites: [String: UnitSite] = [:]
        for site in UnitSite.sites(of: model) where kinds.contains(site.kind) {
            sites[model.graph.nodes[site.output].name] = site
        }
        let fitted = Array(calibration.sequences[calibration.fitted])
        let probed = calibration.heldOut.isEmpty ? calibration.fitted : calibration.heldOut
        var curves: [UnitCurve] = []
        var stream = try context.stream(fitted, through: model)
        var probe = try context.stream(
            Array(calibration.sequences[probed].prefix(probeSequences)), through: model)
        let expected = try CompressionError.wrapping { () throws(ModelError) in
            try probe.finished(model, answer)
        }
        for node in model.graph.nodes {
            if let site = sites[node.name], let input = stream[node.inputs[0]] {
                let rows = stream.rows(of: fitted.indices, node.inputs[0], in: model)
                let moments = InputMoments(
                    input, rows: rows, weights: importance?[node.inputs[0]])
                let shares = shares ?? (site.kind == .heads ? headShares : neuronShares)
                var points = [UnitCurve.Point(count: site.unitCount, loss: 0)]
                for (count, reduced) in try reductions(of: model, site, moments, shares) {
                    let found = try CompressionError.wrapping { () throws(ModelError) in
                        try probe.finished(reduced, answer)
                    }
                    let loss = OutputDistance.distance(found, to: expected, task: model.task)
                    points.append(.init(count: count, loss: loss))
                }
                curves.append(UnitCurve(site: site, name: node.name, points: points))
                context.progress(Double(curves.count) / Double(max(1, sites.count)))
            }
            try CompressionError.wrapping { () throws(ModelError) in
                try stream.advance(model)
                try probe.advance(model)
            }
        }
        return curves
    }

    /// The model with fewer and fewer units at a site, whose other units make up for them.
    private static func reductions(
        of model: Model, _ site: UnitSite, _ moments: InputMoments, _ shares: [Double]
    ) throws(CompressionError) -> [(count: Int, model: Model)] {
        guard let linear = model.graph.linear(at: site.output) else { return [] }
        let weight = try model.finiteFloats(linear.weight)
        let own = weight.values.map { Double($0) }
        guard
            var surgeon = BlockSurgeon(
                weights: own, moments: RidgeFit.regularized(moments.second, ridge: 0.01),
                groupSize: site.columnsPerUnit)
        else { return [] }
        let bias = try linear.bias.map { name throws(CompressionError) in
            try model.finiteFloats(name).values
        }
        let mean = MatrixProduct.multiply(
            own, moments.mean, rows: weight.rowCount, columns: 1, depth: weight.columnCount
        ).enumerated().map { $0.element + Double(bias?[$0.offset] ?? 0) }
        var counts: [Int] = []
        for share in shares {
            let count = Int((Double(site.unitCount) * share).rounded())
            if count < counts.last ?? site.unitCount { counts.append(count) }
        }
        return surgeon.levels(counts).map { level in
            let columns = site.columns(of: level.kept)
            let bias = RidgeFit.bias(
                level.weights, mean: columns.map { moments.mean[$0] }, targetMean: mean)
            var reduced = model
            reduced.replace(
                weight: weight.zeros(except: columns, level.weights),
                bias: Tensor(shape: [bias.count], values: bias.map { Float($0) }),
                ofProduct: site.output)
            return (level.kept.count, reduced)
        }
    }
}

extension Tensor {
    /// A matrix of the same shape with new numbers in some columns and zeros elsewhere.
    fileprivate func zeros(except columns: [Int], _ weights: [Double]) -> Tensor {
        var result = Tensor(zeros: shape)
        for row in 0..<rowCount {
            for (place, column) in columns.enumerated() {
                result.values[row * columnCount + column] =
                    Float(weights[row * columns.count + place])
            }
        }
        return result
    }
}
