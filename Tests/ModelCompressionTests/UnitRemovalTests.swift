import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct UnitRemovalTests {
    private func tiny() throws -> Model {
        try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
    }

    private let heads = (0..<2).map { "encoder.layer.\($0).attention.output.dense" }
    private let neurons = (0..<2).map { "encoder.layer.\($0).output.dense" }
    private let calibration = TinyFixture.calibration(32)

    private func remove(
        _ plans: [String: UnitPlan], from model: Model, original: Model? = nil,
        _ compensation: UnitRemoval.Compensation, realigns: Bool = true,
        importance: Bool = false
    ) throws -> (model: Model, record: PassRecord) {
        let original = original ?? model
        var removal = UnitRemoval()
        removal.compensation = compensation
        removal.realigns = realigns
        var (left, record) = (model, PassRecord(pass: "test"))
        try removal.apply(
            plans, to: &left,
            context: PassContext(original: original, calibration: calibration, threadCount: 1),
            calibration: calibration,
            importance: importance
                ? try RowImportance(original, calibration, uniformShare: 0.1, threadCount: 1)
                : nil,
            &record)
        try left.validate()
        return (left, record)
    }

    private func isNear(_ left: Model, _ right: Model) throws -> Bool {
        let sequences = TinyFixture.calibration(20, seed: 9).sequences
        return try difference(left.answer(sequences), right.answer(sequences)) < 1e-5
    }

    // MARK: - No compensation

    @Test(arguments: [[0], [3], [1, 2], [0, 1, 2], []] as [[Int]])
    func headsThatLeaveAreHeadsThatAreMasked(kept: [Int]) throws {
        let model = try tiny()
        let (left, record) = try remove([heads[1]: .units(kept)], from: model, .none)
        let site = try model.site(heads[1])
        let gone = Set(0..<4).subtracting(kept).sorted()
        let masked = try model.masking(site.columns(of: gone), ofProduct: heads[1])
        #expect(try isNear(left, masked) && !isNear(left, model))
        #expect(left.unitCount(.heads) == 4 + kept.count)
        let columns = kept.flatMap { $0 * 8..<$0 * 8 + 8 }
        let layer = "encoder.layer.1.attention."
        for name in ["self.query", "self.key", "self.value", "self"] {
            let value = left.graph[try left.node(layer + name).output]
            #expect(value.columnCount == columns.count && value.keptColumns == columns)
        }
        for name in ["self.query", "self.key", "self.value"] {
            let weight = try model.floats(model.linear(layer + name).weight)
            let bias = try model.floats(#require(try model.linear(layer + name).bias))
            let found = try left.linear(layer + name)
            #expect(try left.floats(found.weight) == weight.selectingRows(columns))
            #expect(
                try left.floats(#require(found.bias)).values == columns.map { bias.values[$0] })
        }
        let attention = try left.attention(layer + "self")
        #expect(attention.headCount == kept.count && attention.keyValueHeadCount == kept.count)
        #expect(attention.headSize == 8 && attention.valueSize == 8)
        #expect(record.changes.count == 1 && record.outputs.count == 1)
    }

    @Test func neuronsThatLeaveAreNeuronsThatAreMasked() throws {
        let model = try tiny()
        for kept in [Array(0..<63), [0, 17, 40], [63], []] {
            let (left, _) = try remove([neurons[0]: .units(kept)], from: model, .none)
            let gone = Set(0..<64).subtracting(kept).sorted()
            #expect(try isNear(left, model.masking(gone, ofProduct: neurons[0])))
            for name in [
                "encoder.layer.0.intermediate.dense", "encoder.layer.0.intermediate.activation",
            ] {
                let value = left.graph[try left.node(name).output]
                #expect(value.columnCount == kept.count && value.keptColumns == kept)
            }
            #expect(left.unitCount(.neurons) == 64 + kept.count)
        }
    }

    @Test func sitesAllOverTheModelLeaveTogether() throws {
        let model = try tiny()
        let plans: [String: UnitPlan] = [
            heads[0]: .units([1]), heads[1]: .units([]), neurons[0]: .units([5, 6, 7]),
            neurons[1]: .units(Array(0..<32)),
        ]
        let (left, record) = try remove(plans, from: model, .none)
        var masked = model
        for (name, plan) in plans {
            guard case .units(let kept) = plan else { continue }
            let site = try model.site(name)
            let gone = Set(0..<site.unitCount).subtracting(kept).sorted()
            masked = try masked.masking(site.columns(of: gone), ofProduct: name)
        }
        #expect(try isNear(left, masked))
        #expect(
            record.outputs.map(\.name) == [heads[0], neurons[0], heads[1], neurons[1]])
        #expect(UnitSite.sites(of: left.graph).map(\.unitCount) == [1, 3, 32])
    }

    @Test func unitsLeaveFromWhatIsLeft() throws {
        let model = try tiny()
        let (once, _) = try remove([heads[0]: .units([0, 2, 3])], from: model, .none)
        // Of 0, 2 and 3 the second is head 2.
        let (twice, _) = try remove(
            [heads[0]: .units([1])], from: once, original: model, .none)
        let site = try model.site(heads[0])
        #expect(
            try isNear(twice, model.masking(site.columns(of: [0, 1, 3]), ofProduct: heads[0])))
        let value = twice.graph[
            try twice.node("encoder.layer.0.attention.self.key").output]
        #expect(value.keptColumns == Array(16..<24))
    }

    @Test(arguments: UnitRemoval.Compensation.allCases)
    func countsLeaveWhatTheSurgeonLeaves(
        compensation: UnitRemoval.Compensation
    ) throws {
        let model = try tiny()
        for count in [3, 1, 0] {
            let (left, _) = try remove([heads[0]: .count(count)], from: model, compensation)
            #expect(left.unitCount(.heads) == 4 + count)
            let kept = try #require(
                left.graph[try left.node("encoder.layer.0.attention.self").output].keptColumns)
            #expect(kept.count == 8 * count && kept == kept.sorted())
            // Whole heads.
            for head in 0..<count {
                #expect(kept[8 * head] % 8 == 0 && kept[8 * head + 7] == kept[8 * head] + 7)
            }
        }
    }

    // MARK: - What stays the same

    @Test func whatLosesNothingStaysAsItIs() throws {
        let model = try tiny()
        let all = Array(0..<4)
        let plans: [[String: UnitPlan]] = [
            [:], [heads[0]: .count(4)], [heads[0]: .count(99)], [heads[1]: .units(all)],
            ["no such node": .count(0)], ["embeddings": .units([])],
        ]
        for plan in plans {
            for compensation in UnitRemoval.Compensation.allCases {
                let (left, record) = try remove(plan, from: model, compensation)
                #expect(try left.isSame(as: model))
                #expect(record.changedNothing && record.outputs.isEmpty && record.notes.isEmpty)
            }
        }
    }

    @Test func quantizedProductsStayAsTheyAre() throws {
        let model = try tiny()
        var quantized = model
        let weight = try model.linear(heads[0]).weight
        let rows = QuantizedRows(
            rowCount: 32, columnCount: 32, codes: [Int8](repeating: 3, count: 1024),
            scales: [Float](repeating: 0.01, count: 32))
        quantized.parameters[weight] = Parameter(shape: [32, 32], storage: .quantizedRows(rows))
        let (left, record) = try remove(
            [heads[0]: .count(2)], from: quantized, original: model, .refit)
        #expect(try left.isSame(as: quantized) && record.changedNothing)
    }

    @Test func onlyTheProductOfTheSiteChangesWithoutARefit() throws {
        let model = try tiny()
        for compensation in [UnitRemoval.Compensation.none, .mean] {
            let (left, record) = try remove([heads[0]: .count(2)], from: model, compensation)
            #expect(record.outputs.map(\.name) == [heads[0]])
            let changed = try model.parameters.keys.filter {
                try left.floats($0) != model.floats($0)
            }
            #expect(
                changed.allSatisfy { $0.contains("encoder.layer.0.attention.") }, "\(changed)")
        }
        let (left, _) = try remove([heads[1]: .count(2)], from: model, .refit, realigns: false)
        for name in model.parameters.keys where !name.contains("layer.1.attention.") {
            #expect(try left.floats(name) == model.floats(name), "\(name)")
        }
    }

    // MARK: - Compensation

    @Test func theMeanOfWhatIsDroppedGoesToTheBias() throws {
        let model = try tiny()
        let input = try #require(
            try model.outputs(of: calibration.sequences)["encoder.layer.1.attention.self"])
        let means = input.columnMeans(rows: 0..<input.rowCount)
        for kept in [[0, 2], []] {
            let (left, _) = try remove([heads[1]: .units(kept)], from: model, .mean)
            let gone = Set(0..<4).subtracting(kept).sorted()
            let site = try model.site(heads[1])
            let masked = try model.masking(
                site.columns(of: gone), ofProduct: heads[1], means: means)
            #expect(try isNear(left, masked))
        }
    }

    @Test func compensationBringsTheAnswersBack() throws {
        let model = try tiny()
        let others = TinyFixture.calibration(40, seed: 5).sequences
        let exact = try model.answer(others)
        let plans: [String: UnitPlan] = [
            heads[0]: .count(2), heads[1]: .count(2), neurons[0]: .count(40),
        ]
        func distance(
            _ compensation: UnitRemoval.Compensation, importance: Bool = false
        ) throws -> Double {
            let (left, _) = try remove(plans, from: model, compensation, importance: importance)
            return OutputDistance.distance(try left.answer(others), to: exact, task: .raw)
        }
        let (none, mean) = (try distance(.none), try distance(.mean))
        let (refit, weighted) = (
            try distance(.refit), try distance(.refit, importance: true)
        )
        #expect(mean < none)
        #expect(refit < 0.8 * mean)
        #expect(weighted < mean)
    }

    @Test func headsThatSayNothingCostNothing() throws {
        var model = try tiny()
        // Heads 1 and 2 give zeros.
        let name = try model.linear("encoder.layer.0.attention.self.value")
        var (weight, bias) = (
            try model.floats(name.weight), try model.floats(try #require(name.bias))
        )
        for row in 8..<24 {
            for column in 0..<32 { weight.values[row * 32 + column] = 0 }
            bias.values[row] = 0
        }
        model.set(name.weight, weight)
        model.set(try #require(name.bias), bias)
        for compensation in UnitRemoval.Compensation.allCases {
            let (left, _) = try remove(
                [heads[0]: .count(2)], from: model, compensation, realigns: false)
            let kept = left.graph[
                try left.node("encoder.layer.0.attention.self").output
            ].keptColumns
            #expect(kept == Array(0..<8) + Array(24..<32))
            let others = TinyFixture.calibration(20, seed: 9).sequences
            let distance = OutputDistance.distance(
                try left.answer(others), to: try model.answer(others), task: .raw)
            #expect(distance < 1e-3)
        }
    }

    /// A pass may come after one that left a layer without heads.
    @Test(arguments: UnitRemoval.Compensation.allCases)
    func layersWithoutHeadsAreNoObstacle(compensation: UnitRemoval.Compensation) throws {
        let model = try tiny()
        let (once, _) = try remove(
            [heads[1]: .units([]), neurons[1]: .units([])], from: model, compensation)
        let (twice, record) = try remove(
            [heads[0]: .count(2)], from: once, original: model, compensation)
        #expect(record.changes.map(\.name) == [try model.linear(heads[0]).weight])
        #expect(UnitSite.sites(of: twice.graph).map(\.unitCount) == [2, 64])
        #expect(try twice.answer(calibration.sequences).nonFiniteCount == 0)
    }

    // MARK: - The record

    @Test func errorsAreThoseOfTheHeldOutRows() throws {
        let model = try tiny()
        let (left, record) = try remove([heads[0]: .units([0, 3])], from: model, .none)
        let held = Array(calibration.sequences[calibration.heldOut])
        #expect(held.count == 8)
        let exact = try #require(try model.outputs(of: held)[heads[0]])
        let found = try #require(try left.outputs(of: held)[heads[0]])
        let output = try #require(record.outputs.first)
        let error = exact.squaredDistance(to: found)
        #expect(abs(output.errorAfter - error) < 1e-4 * error && error > 0)
        #expect(output.errorBefore < 1e-6 * error)
        #expect(abs(output.signalEnergy - exact.varianceSum) < 1e-4 * exact.varianceSum)
        let change = try #require(record.changes.first)
        let weight = try model.floats(try model.linear(heads[0]).weight)
        let energy = weight.values.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(change.name == (try model.linear(heads[0]).weight))
        #expect(abs(change.signalEnergy - energy) < 1e-6 * energy)
        #expect(change.errorEnergy == 0)
        #expect(change.bytesBefore == 4 * 32 * 32 && change.bytesAfter == 4 * 32 * 16)
        #expect(record.notes.count == 1 && record.notes[0].contains("2 of 4 heads"))
    }

    @Test func bytesBeforeAreThoseOfTheCheckpoint() throws {
        // In half precision there.
        let model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        let (_, record) = try remove([heads[0]: .count(1)], from: model, .none)
        let change = try #require(record.changes.first)
        #expect(change.bytesBefore == 2 * 32 * 32 && change.bytesAfter == 4 * 32 * 8)
    }

    @Test func realignedProductsAreToldAndNotWorse() throws {
        let model = try tiny()
        let (left, record) = try remove([heads[0]: .count(1)], from: model, .refit)
        #expect(record.outputs.first?.name == heads[0] && record.outputs.count > 1)
        for output in record.outputs.dropFirst() {
            #expect(output.errorAfter < output.errorBefore, "\(output.name)")
            let name = try model.linear(output.name).weight
            #expect(try left.floats(name) != model.floats(name))
        }
        let alone = try remove([heads[0]: .count(1)], from: model, .refit, realigns: false)
        #expect(alone.record.outputs.map(\.name) == [heads[0]])
        #expect(alone.record.outputs[0].errorAfter == record.outputs[0].errorAfter)
        let others = TinyFixture.calibration(40, seed: 5).sequences
        let exact = try model.answer(others)
        let distances = try [left, alone.model].map {
            OutputDistance.distance(try $0.answer(others), to: exact, task: .raw)
        }
        #expect(distances[0] < distances[1])
    }

    // MARK: - Shared keys and values

    @Test(arguments: UnitRemoval.Compensation.allCases)
    func sharedHeadsLeaveTogether(compensation: UnitRemoval.Compensation) throws {
        let model = try UnitModel(task: .embed, layers: 2).model()
        let calibration = UnitModel.calibration(40)
        var removal = UnitRemoval()
        removal.compensation = compensation
        var (left, record) = (model, PassRecord(pass: "test"))
        try removal.apply(
            ["0.output": .units([2]), "1.output": .units([0, 1])], to: &left,
            context: PassContext(original: model, calibration: calibration, threadCount: 1),
            calibration: calibration, importance: nil, &record)
        try left.validate()
        let attentions = try ["0.attention", "1.attention"].map { try left.attention($0) }
        #expect(attentions.map(\.headCount) == [2, 4])
        #expect(attentions.map(\.keyValueHeadCount) == [1, 2])
        #expect(record.changes.map(\.bytesAfter) == [4 * 8 * 10, 4 * 8 * 20])
        guard compensation == .none else { return }
        let masked = try model.masking(Array(0..<20), ofProduct: "0.output")
            .masking(Array(20..<30), ofProduct: "1.output")
        let sequences = UnitModel.calibration(20, seed: 8).sequences
        #expect(difference(try left.answer(sequences), try masked.answer(sequences)) < 1e-5)
    }
}
