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

    /// The loss for a number of units, on straight lines between the points; it never falls when
    /// units leave.
    func loss(_ count: Int) -> Double {
        var (higher, reached) = (points[0], 0.0)
        for point in points {
            let lower = max(reached, point.loss)
            if count >= point.count {
                guard higher.count > point.count else { return lower }
                let share = Double(higher.count - count) / Double(higher.count - point.count)
                return reached + share * (lower - reached)
            }
            higher = point
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
    static func measure(
        _ model: Model, kinds: Set<UnitSite.Kind>, shares: [Double]? = nil,
        calibration: CalibrationSet, importance: RowImportance?, context: PassContext
    ) throws(CompressionError) -> [UnitCurve] {
        guard let role = OutputDistance.role(of: model), let answer = model.graph.outputs[role]
        else { return [] }
        var sites: [String: UnitSite] = [:]
        for site in UnitSite.sites(of: model.graph) where kinds.contains(site.kind) {
            sites[model.graph.nodes[site.output].name] = site
        }
        let probes = calibration.heldOut.isEmpty ? calibration.fitted : calibration.heldOut
        let held = Array(calibration.sequences[probes].prefix(probeSequences))
        var stream: ActivationStream
        let expected: Tensor
        do {
            stream = try ActivationStream(
                held, model: model, threadCount: context.threadCount, simulatesCodes: false)
            expected = try stream.finished(model, answer)
        } catch {
            throw .model(error)
        }
        var curves: [UnitCurve] = []
        var copy = model
        var sweep = try CalibrationSweep(
            calibration, original: model, compressed: model, importance: importance,
            threadCount: context.threadCount)
        try sweep.run(&copy) { model, node, sweep throws(CompressionError) in
            defer { context.progress(Double(curves.count) / Double(max(1, 2 * sites.count))) }
            do throws(ModelError) {
                while stream.position < sweep.compressed.position { try stream.advance(model) }
            } catch {
                throw .model(error)
            }
            guard let site = sites[node.name] else { return }
            let shares = shares ?? (site.kind == .heads ? headShares : neuronShares)
            var counts: [Int] = []
            for share in shares {
                let count = Int((Double(site.unitCount) * share).rounded())
                if count < counts.last ?? site.unitCount { counts.append(count) }
            }
            var points = [UnitCurve.Point(count: site.unitCount, loss: 0)]
            let fit = try ProductFit(node, model, sweep)
            for (level, bias) in fit.ownLevels(counts, groupSize: site.columnsPerUnit) ?? [] {
                var probe = model
                let columns = site.columns(of: level.kept)
                try probe.replace(
                    weight: fit.weightTensor.zeros(except: columns, level.weights),
                    bias: Tensor(shape: [bias.count], values: bias.map { Float($0) }),
                    ofProduct: site.output)
                do throws(ModelError) {
                    let found = try stream.finished(probe, answer)
                    points.append(
                        .init(
                            count: level.kept.count,
                            loss: OutputDistance.distance(found, to: expected, task: model.task)))
                } catch {
                    throw .model(error)
                }
            }
            curves.append(UnitCurve(site: site, name: node.name, points: points))
        }
        return curves
    }
}

extension ActivationStream {
    /// A value after the rest of the model has been computed; the stream itself stays where it is.
    func finished(_ model: Model, _ value: ValueID) throws(ModelError) -> Tensor {
        var rest = self
        while rest.position < model.graph.nodes.count { try rest.advance(model) }
        guard let tensor = rest[value] else {
            throw .graph(node: model.graph[value].name, .unknownValue(value.index))
        }
        return tensor
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
