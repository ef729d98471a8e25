import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct CalibrationSweepTests {
    private let calibration = UnitModel.calibration(11)

    /// What is added to the output of a product, by the names of the nodes.
    private let residuals = [
        "0.output": "embeddings", "0.outer": "0.attention.norm", "1.output": "0.norm",
        "1.outer": "1.attention.norm",
    ]

    /// All weights a little off.
    private func perturbed(_ model: Model) throws -> Model {
        var perturbed = model
        for (place, name) in model.parameters.keys.sorted().enumerated() {
            var tensor = try model.floats(name)
            let noise = SmallModel.random(tensor.shape, seed: UInt64(1000 + place))
            for index in tensor.values.indices {
                tensor.values[index] += 0.1 * noise.values[index]
            }
            perturbed.set(name, tensor)
        }
        return perturbed
    }

    private func subtracting(_ other: Tensor?, from tensor: Tensor?) throws -> Tensor {
        let (tensor, other) = (try #require(tensor), try #require(other))
        return Tensor(
            shape: tensor.shape, values: zip(tensor.values, other.values).map { $0 - $1 })
    }

    private func sweep(_ original: Model, _ compressed: Model) throws -> CalibrationSweep {
        try CalibrationSweep(
            calibration, original: original, compressed: compressed, threadCount: 1)
    }

    @Test func everyNodeIsShownWithWhatFlowsIntoIt() throws {
        let original = try UnitModel(layers: 2).model()
        let compressed = try perturbed(original)
        let exact = try original.outputs(of: calibration.sequences)
        let found = try compressed.outputs(of: calibration.sequences)
        var sweep = try sweep(original, compressed)
        #expect(sweep.fittedSequences == 0..<9 && sweep.heldOutSequences == 9..<11)
        var (model, seen): (Model, [String]) = (compressed, [])
        var differences: [Double] = []
        var originals = 0
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            seen.append(node.name)
            for input in node.inputs {
                let name = model.graph[input].name
                differences.append(difference(sweep.compressed[input], found[name]))
            }
            // The original may be at the node or past it; what it still has must be right.
            let values = (node.inputs + [node.output]).filter { sweep.original[$0] != nil }
            for value in values {
                let name = original.graph[value].name
                differences.append(difference(sweep.original[value], exact[name]))
            }
            originals += values.isEmpty ? 0 : 1
        }
        #expect(seen == original.graph.nodes.map(\.name))
        #expect(originals >= seen.count - 1)
        #expect(differences.count > 40 && differences.allSatisfy { $0 < 1e-5 })
        #expect(sweep.compressed.position == seen.count)
        let answer = try #require(model.graph.outputs[.hiddenState])
        #expect(
            difference(sweep.compressed[answer], try compressed.answer(calibration.sequences))
                < 1e-5)
    }

    @Test func targetsMakeUpForTheResidualConnection() throws {
        let original = try UnitModel(layers: 2).model()
        let compressed = try perturbed(original)
        let exact = try original.outputs(of: calibration.sequences)
        let found = try compressed.outputs(of: calibration.sequences)
        var sweep = try sweep(original, compressed)
        var (model, targets): (Model, [String: Tensor]) = (compressed, [:])
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard case .linear = node.operation else { return }
            targets[node.name] = try sweep.target(of: node, in: model)
        }
        #expect(targets.count == 12)
        for (name, target) in targets {
            var expected = try #require(exact[name])
            if let skipped = residuals[name] {
                let error = try subtracting(exact[skipped], from: found[skipped])
                #expect(error.absoluteMaximum > 1e-2)
                expected = try subtracting(error, from: expected)
            }
            #expect(difference(target, expected) < 1e-5, "\(name)")
        }
    }

    @Test func residualEnergyIsThatOfWhatIsAdded() throws {
        let original = try UnitModel(layers: 2).model()
        let exact = try original.outputs(of: calibration.sequences)
        let rows = [0, 2, 3]
        var model = try perturbed(original)
        var sweep = try sweep(original, model)
        var energies: [String: Double] = [:]
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            guard case .linear = node.operation else { return }
            energies[node.name] = sweep.residualEnergy(of: node, rows: rows)
        }
        #expect(energies.count == 12)
        for (name, energy) in energies {
            let expected = try residuals[name].map {
                try #require(exact[$0]).selectingRows(rows).varianceSum
            }
            #expect(abs(energy - (expected ?? 0)) <= 1e-5 * energy, "\(name)")
            #expect((energy > 0) == (expected != nil), "\(name)")
        }
    }

    @Test func targetsHaveTheColumnsThatAreLeft() throws {
        let original = try UnitModel().model()
        var compressed = original
        let site = try original.site("0.output")
        try compressed.keep(
            [0, 2], of: site,
            weight: original.floats("0.output.weight").selectingColumns(site.columns(of: [0, 2])),
            bias: original.floats("0.output.bias"))
        let exact = try original.outputs(of: calibration.sequences)
        var sweep = try sweep(original, compressed)
        var targets: [String: Tensor] = [:]
        try sweep.run(&compressed) { model, node, sweep throws(CompressionError) in
            guard case .linear = node.operation else { return }
            targets[node.name] = try sweep.target(of: node, in: model)
        }
        let rows = [("0.query", 6), ("0.key", 3), ("0.value", 5)]
        for (name, count) in rows {
            let kept = [0, 2].flatMap { $0 * count..<($0 + 1) * count }
            #expect(difference(targets[name], exact[name]?.selectingColumns(kept)) < 1e-5)
        }
        #expect(difference(targets["0.output"], exact["0.output"]) < 1e-5)
    }

    @Test func aNodeThatTheOriginalLacksKeepsWhatItGives() throws {
        let original = try UnitModel().model()
        var compressed = try perturbed(original)
        let index = try #require(original.graph.nodes.firstIndex { $0.name == "0.outer" })
        let input = original.graph.nodes[index].inputs[0]
        let output = ValueID(compressed.graph.values.count)
        compressed.graph.values.append(Value(name: "extra", rows: .tokens, columnCount: 16))
        compressed.set("extra", SmallModel.random([16, 16], seed: 55))
        compressed.graph.nodes.insert(
            Node(
                name: "extra", operation: .linear(Linear(weight: "extra", bias: nil)),
                inputs: [input], output: output), at: index)
        compressed.graph.nodes[index + 1].inputs = [output]
        let exact = try original.outputs(of: calibration.sequences)
        let found = try compressed.outputs(of: calibration.sequences)
        var sweep = try sweep(original, compressed)
        var (targets, isKnown, position): ([String: Tensor], [String: Bool], Int) = ([:], [:], 0)
        try sweep.run(&compressed) { model, node, sweep throws(CompressionError) in
            guard case .linear = node.operation else { return }
            targets[node.name] = try sweep.target(of: node, in: model)
            isKnown[node.name] = sweep.originalNode(node) != nil
            if node.name == "extra" { position = sweep.original.position }
        }
        // At the next node that both have, or past it.
        #expect((index...index + 1).contains(position))
        #expect(isKnown["extra"] == false && isKnown["0.outer"] == true)
        #expect(difference(targets["extra"], found["extra"]) < 1e-5)
        let error = try subtracting(
            exact["0.attention.norm"], from: found["0.attention.norm"])
        let expected = try subtracting(error, from: exact["0.outer"])
        #expect(difference(targets["0.outer"], expected) < 1e-5)
    }

    @Test func whatIsChangedFlowsOn() throws {
        let original = try UnitModel(layers: 2).model()
        var model = original
        var sweep = try sweep(original, model)
        var inputs: [Double] = []
        let weight = SmallModel.random([8, 16], seed: 66)
        try sweep.run(&model) { model, node, sweep throws(CompressionError) in
            if node.name == "0.outer" { model.set("0.outer.weight", weight) }
            if node.name == "1.query" {
                inputs.append(
                    difference(sweep.compressed[node.inputs[0]], sweep.original[node.inputs[0]]))
            }
        }
        #expect(inputs.count == 1 && inputs[0] > 1e-2)
        let answer = try #require(model.graph.outputs[.hiddenState])
        let changed = try model.answer(calibration.sequences)
        #expect(difference(sweep.compressed[answer], changed) < 1e-5)
        #expect(difference(changed, try original.answer(calibration.sequences)) > 1e-2)
    }

    @Test func rowsCountAsTheOriginalSays() throws {
        let model = try UnitModel(task: .classify).model()
        let importance = try RowImportance(
            model, calibration, uniformShare: 0.1, threadCount: 1)
        var (weighted, plain) = (
            try CalibrationSweep(
                calibration, original: model, compressed: model, importance: importance,
                threadCount: 1),
            try sweep(model, model)
        )
        var (copy, isRight, isNone): (Model, [Bool], [Bool]) = (model, [], [])
        try weighted.run(&copy) { _, node, sweep throws(CompressionError) in
            guard case .linear = node.operation else { return }
            let rows = sweep.rowWeights(of: node)
            isRight.append(rows != nil && rows == importance[node.inputs[0]])
        }
        try plain.run(&copy) { _, node, sweep throws(CompressionError) in
            isNone.append(sweep.rowWeights(of: node) == nil)
        }
        #expect(isRight.count == 7 && isRight.allSatisfy { $0 })
        #expect(isNone.allSatisfy { $0 })
    }

    @Test func sequencesThatDoNotSuitTheModelAreRefused() throws {
        let model = try UnitModel().model()
        let wrong = CalibrationSet([TokenSequence(ids: [99])])
        #expect(
            throws: CompressionError.model(
                .tokenOutOfRange(position: 0, id: 99, vocabularySize: 20))
        ) {
            try CalibrationSweep(wrong, original: model, compressed: model, threadCount: 1)
        }
    }
}
