import ModelGraph
import Tensors

/// Scores of the heads of a model, larger for those that matter more, by the name of the node that
/// reads them.
enum HeadScores {
    /// Sequences that are looked at.
    private static let sequenceCount = 64

    /// What the answers lose when one head alone is gone, its mean left in the bias.
    static func leaveOneOut(
        _ model: Model, _ calibration: CalibrationSet, _ context: PassContext
    ) throws(CompressionError) -> [String: [Double]] {
        guard let role = OutputDistance.role(of: model), let answer = model.graph.outputs[role]
        else { return [:] }
        let sites = headSites(of: model)
        var scores: [String: [Double]] = [:]
        var stream = try context.stream(sequences(calibration), through: model)
        do throws(ModelError) {
            let expected = try stream.finished(model, answer)
            for site in sites {
                while stream.position < site.output { try stream.advance(model) }
                let node = model.graph.nodes[site.output]
                guard let input = stream[node.inputs[0]] else { continue }
                let means = input.columnMeans(rows: 0..<input.rowCount)
                var losses: [Double] = []
                for head in 0..<site.unitCount {
                    var probe = stream
                    probe.setColumns(
                        site.columns(of: [head]), of: node.inputs[0], to: means)
                    let found = try probe.finished(model, answer)
                    losses.append(OutputDistance.distance(found, to: expected, task: model.task))
                }
                scores[node.name] = losses
                context.progress(Double(scores.count) / Double(sites.count))
            }
        } catch {
            throw .model(error)
        }
        return scores
    }

    /// The mean over the queries of the largest probability; of a group of heads, their mean.
    static func confidence(
        _ model: Model, _ calibration: CalibrationSet, _ context: PassContext
    ) throws(CompressionError) -> [String: [Double]] {
        var scores: [String: [Double]] = [:]
        var stream = try context.stream(sequences(calibration), through: model)
        do throws(ModelError) {
            let slopes = try model.attentionSlopes()
            for site in headSites(of: model) {
                while stream.position < site.middle { try stream.advance(model) }
                let node = model.graph.nodes[site.middle]
                guard case .attention(let attention) = node.operation,
                    let query = stream[node.inputs[0]], let key = stream[node.inputs[1]]
                else { continue }
                let rows = (model.graph[node.inputs[0]].rows, model.graph[node.inputs[1]].rows)
                let perHead = attention.meanConfidence(
                    query: query, key: key, slopes: attention.slopes.flatMap { slopes[$0] },
                    sequences: (0..<stream.batch.count).map {
                        (
                            queries: stream.batch.rows(of: $0, rows.0),
                            keys: stream.batch.rows(of: $0, rows.1)
                        )
                    })
                let group = attention.headCount / attention.keyValueHeadCount
                scores[model.graph.nodes[site.output].name] = (0..<site.unitCount).map { unit in
                    perHead[unit * group..<(unit + 1) * group].reduce(0, +) / Double(group)
                }
            }
        } catch {
            throw .model(error)
        }
        return scores
    }

    private static func headSites(of model: Model) -> [UnitSite] {
        UnitSite.sites(of: model).filter { $0.kind == .heads }
    }

    private static func sequences(_ calibration: CalibrationSet) -> [TokenSequence] {
        Array(calibration.sequences.prefix(sequenceCount))
    }
}
