import Checkpoints
import Glibc
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct HeadScoresTests {
    private func models() throws -> [(Model, CalibrationSet)] {
        [
            (
                try Model(checkpoint: Checkpoint(path: TinyFixture.classifier)),
                TinyFixture.calibration(12)
            ),
            (try UnitModel(task: .embed, layers: 2).model(), UnitModel.calibration(12)),
            (try UnitModel(task: .raw).model(), UnitModel.calibration(12)),
        ]
    }

    private func context(_ model: Model, _ calibration: CalibrationSet) -> PassContext {
        PassContext(original: model, calibration: calibration, threadCount: 1)
    }

    @Test func leavingOneOutIsMaskingIt() throws {
        for (model, calibration) in try models() {
            let scores = try HeadScores.leaveOneOut(
                model, calibration, context(model, calibration))
            let sites = UnitSite.sites(of: model.graph).filter { $0.kind == .heads }
            #expect(scores.count == sites.count)
            let exact = try model.answer(calibration.sequences)
            let outputs = try model.outputs(of: calibration.sequences)
            for site in sites {
                let name = model.graph.nodes[site.output].name
                let found = try #require(scores[name])
                #expect(found.count == site.unitCount)
                let input = try #require(outputs[model.graph.nodes[site.middle].name])
                let means = input.columnMeans(rows: 0..<input.rowCount)
                for unit in 0..<site.unitCount {
                    let masked = try model.masking(
                        site.columns(of: [unit]), ofProduct: name, means: means)
                    let expected = OutputDistance.distance(
                        try masked.answer(calibration.sequences), to: exact, task: model.task)
                    #expect(expected > 1e-5, "\(name) \(unit)")
                    #expect(abs(found[unit] - expected) < 1e-3 * expected, "\(name) \(unit)")
                }
            }
        }
    }

    @Test func confidenceIsTheMeanOfTheLargestProbability() throws {
        for (model, calibration) in try models() {
            let scores = try HeadScores.confidence(
                model, calibration, context(model, calibration))
            let sites = UnitSite.sites(of: model.graph).filter { $0.kind == .heads }
            #expect(scores.count == sites.count)
            let outputs = try model.outputs(of: calibration.sequences)
            for site in sites {
                let node = model.graph.nodes[site.middle]
                let attention = try model.attention(node.name)
                let query = try #require(outputs[model.graph.nodes[site.producers[0].node].name])
                let key = try #require(outputs[model.graph.nodes[site.producers[1].node].name])
                let perHead = confidence(attention, query, key, calibration.sequences)
                let shared = attention.headCount / site.unitCount
                let expected = (0..<site.unitCount).map { unit in
                    perHead[unit * shared..<(unit + 1) * shared].reduce(0, +) / Double(shared)
                }
                let found = try #require(scores[model.graph.nodes[site.output].name])
                #expect(relativeDifference(found, expected) < 1e-5)
                #expect(found.allSatisfy { $0 > 0 && $0 <= 1 })
            }
        }
    }

    /// For each head the mean over all queries of the largest softmax, in double.
    private func confidence(
        _ attention: Attention, _ query: Tensor, _ key: Tensor, _ sequences: [TokenSequence]
    ) -> [Double] {
        let size = attention.headSize
        return (0..<attention.headCount).map { head in
            let shared = head / (attention.headCount / attention.keyValueHeadCount)
            var (first, sum, count) = (0, 0.0, 0)
            for sequence in sequences {
                let rows = first..<first + sequence.ids.count
                for row in rows {
                    let scores = rows.map { other in
                        (0..<size).reduce(0.0) {
                            let q = query.values[row * query.columnCount + head * size + $1]
                            let k = key.values[other * key.columnCount + shared * size + $1]
                            return $0 + Double(q) * Double(k) * Double(attention.scale)
                        }
                    }
                    let all = scores.reduce(0) { $0 + exp($1) }
                    sum += exp(scores.max() ?? 0) / all
                    count += 1
                }
                first = rows.upperBound
            }
            return sum / Double(count)
        }
    }

    @Test func onlyTheFirstSequencesAreLookedAt() throws {
        let model = try UnitModel().model()
        let many = UnitModel.calibration(120)
        // The set puts the held out last, so the first 64 are all fitted ones.
        let few = Array(many.sequences.prefix(64))
        let scores = try HeadScores.leaveOneOut(model, many, context(model, many))
        let site = try model.site("0.output")
        let input = try #require(try model.outputs(of: few)["0.attention"])
        let masked = try model.masking(
            site.columns(of: [1]), ofProduct: "0.output",
            means: input.columnMeans(rows: 0..<input.rowCount))
        let expected = OutputDistance.distance(
            try masked.answer(few), to: try model.answer(few), task: .raw)
        let found = try #require(scores["0.output"])
        #expect(abs(found[1] - expected) < 1e-3 * expected)
    }

    @Test func modelsWithoutAnAnswerHaveNoScores() throws {
        var model = try UnitModel(task: .embed).model()
        model.task = .classify
        let calibration = UnitModel.calibration(4)
        #expect(
            try HeadScores.leaveOneOut(model, calibration, context(model, calibration)).isEmpty)
    }
}
