import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct UnitCurvesTests {
    private func curve(_ points: [(Int, Double)]) throws -> UnitCurve {
        UnitCurve(
            site: try UnitModel().model().site("0.output"), name: "0.output",
            points: points.map { .init(count: $0.0, loss: $0.1) })
    }

    // MARK: - Between the points

    @Test("First a parabola, then powers")
    func lossesMultiplyBetweenThePoints() throws {
        let curve = try curve([(12, 0), (8, 1), (6, 4), (0, 32)])
        let expected: [Int: Double] = [
            13: 0, 12: 0, 11: 0.0625, 10: 0.25, 9: 0.5625, 8: 1, 7: 2, 6: 4, 4: 8, 2: 16, 0: 32,
        ]
        for (count, loss) in expected {
            #expect(abs(curve.loss(count) - loss) < 1e-12, "\(count)")
        }
    }

    @Test func lossesNeverFall() throws {
        let curve = try curve([(8, 0), (6, 2), (4, 1), (2, 1.5), (0, 8)])
        // What was measured as less than before counts as much as before.
        for (count, loss) in [8.0, 4, 2, 2, 2, 2, 2, 0.5, 0].enumerated() {
            #expect(abs(curve.loss(count) - loss) < 1e-12, "\(count)")
        }
        for seed in 1...20 as ClosedRange<UInt64> {
            let random = SmallModel.random([5], seed: seed).values.map { Double($0.magnitude) }
            let points = zip([30, 22, 13, 4, 0], [0] + random.dropFirst()).map { ($0, $1) }
            let losses = (0...30).map { try? self.curve(points).loss($0) }
            let known = losses.compactMap { $0 }
            #expect(known.count == 31 && known[30] == 0)
            #expect(zip(known, known.dropFirst()).allSatisfy { $0 >= $1 - 1e-12 })
        }
    }

    @Test func whatWasNotMeasuredIsNotOffered() throws {
        let curve = try curve([(8, 0), (4, 1)])
        #expect(curve.loss(4) == 1)
        #expect(curve.loss(3) == .infinity && curve.loss(0) == .infinity)
        let whole = try self.curve([(8, 0)])
        #expect(whole.loss(8) == 0 && whole.loss(7) == .infinity)
    }

    // MARK: - Measured

    private func measure(
        _ model: Model, _ kinds: Set<UnitSite.Kind>, shares: [Double]?,
        _ calibration: CalibrationSet
    ) throws -> [UnitCurve] {
        try UnitCurves.measure(
            model, kinds: kinds, shares: shares, calibration: calibration, importance: nil,
            context: PassContext(original: model, calibration: calibration, threadCount: 1))
    }

    /// The site's product refitted to its own output, from the values that the executor gives.
    private func reduced(
        _ model: Model, _ site: UnitSite, to count: Int, _ calibration: CalibrationSet
    ) throws -> Model {
        let node = model.graph.nodes[site.output]
        let fitted = Array(calibration.sequences[calibration.fitted])
        let outputs = try model.outputs(of: fitted)
        let input = try #require(outputs[model.graph.nodes[site.middle].name])
        let output = try #require(outputs[node.name])
        let rows = 0..<input.rowCount
        let means = input.columnMeans(rows: rows)
        var moments = SymmetricMatrix(size: input.columnCount)
        for row in rows {
            let x = means.indices.map {
                Double(input.values[row * means.count + $0]) - means[$0]
            }
            for i in x.indices { for j in x.indices { moments[i, j] += x[i] * x[j] } }
        }
        let middle = moments.diagonal.sorted()[means.count / 2]
        for index in means.indices {
            moments[index, index] += 0.01 * (moments[index, index] + 0.01 * middle)
        }
        let weight = try model.floats(try model.linear(node.name).weight)
        let weights = weight.values.map { Double($0) }
        var surgeon = try #require(
            BlockSurgeon(weights: weights, moments: moments, groupSize: site.columnsPerUnit))
        let level = surgeon.levels([count])[0]
        let columns = site.columns(of: level.kept)
        let best = optimum(weights, moments, kept: columns)
        let wanted = output.columnMeans(rows: rows)
        let bias = wanted.enumerated().map { row, mean in
            columns.enumerated().reduce(mean) {
                $0 - best[row * columns.count + $1.offset] * means[$1.element]
            }
        }
        var left = model
        try left.keep(
            level.kept, of: site,
            weight: Tensor(shape: [wanted.count, columns.count], values: best.map { Float($0) }),
            bias: Tensor(shape: [wanted.count], values: bias.map { Float($0) }))
        return left
    }

    @Test func pointsAreWhatTheReducedModelLoses() throws {
        let calibration = UnitModel.calibration(40)
        let held = Array(calibration.sequences[calibration.heldOut])
        for task in [ModelTask.raw, .embed, .classify] {
            let model = try UnitModel(task: task, layers: 2).model()
            let shares = [2.0 / 3, 1.0 / 3, 0]
            let curves = try measure(model, [.heads], shares: shares, calibration)
            #expect(curves.map(\.name) == ["0.output", "1.output"])
            let exact = try model.answer(held)
            for curve in curves {
                #expect(curve.points.map(\.count) == [3, 2, 1, 0])
                #expect(curve.points[0].loss == 0)
                for point in curve.points.dropFirst() {
                    let left = try reduced(model, curve.site, to: point.count, calibration)
                    let expected = OutputDistance.distance(
                        try left.answer(held), to: exact, task: task)
                    #expect(expected > 1e-7)
                    #expect(abs(point.loss - expected) < 1e-2 * expected, "\(curve.name)")
                }
            }
        }
    }

    @Test func neuronsAreMeasuredAsHeadsAre() throws {
        let calibration = TinyFixture.calibration(40)
        let held = Array(calibration.sequences[calibration.heldOut])
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        // Sixteen go at a time, and no more than that here.
        let curves = try measure(model, [.neurons], shares: [0.75], calibration)
        // Not those of the pooler, which is computed once.
        #expect(curves.map(\.site.unitCount) == [64, 64])
        let exact = try model.answer(held)
        for curve in curves {
            let count = curve.site.unitCount * 3 / 4
            #expect(curve.points.map(\.count) == [curve.site.unitCount, count])
            let left = try reduced(model, curve.site, to: count, calibration)
            let expected = OutputDistance.distance(
                try left.answer(held), to: exact, task: .classify)
            #expect(abs(curve.points[1].loss - expected) < 0.05 * expected)
        }
    }

    @Test func sitesAreMeasuredOnceForEachNumber() throws {
        let calibration = UnitModel.calibration(12)
        let model = try UnitModel(layers: 2).model()
        let both = try measure(model, [.heads, .neurons], shares: nil, calibration)
        #expect(both.map(\.site.kind) == [.heads, .neurons, .heads, .neurons])
        for curve in both {
            let counts = curve.points.map(\.count)
            #expect(counts.first == curve.site.unitCount)
            #expect(zip(counts, counts.dropFirst()).allSatisfy { $0 > $1 })
            #expect(curve.points.allSatisfy { $0.loss.isFinite && $0.loss >= 0 })
            if curve.site.kind == .heads { #expect(counts.last == 0) }
            // Every size that a pass may ask for has a loss.
            #expect(curve.counts.contains(curve.site.unitCount))
        }
        #expect(try measure(model, [], shares: nil, calibration).isEmpty)
    }

    @Test func modelsWithoutAnAnswerHaveNoCurves() throws {
        var model = try UnitModel(task: .embed).model()
        model.task = .classify
        #expect(try measure(model, [.heads], shares: nil, UnitModel.calibration(8)).isEmpty)
    }
}
