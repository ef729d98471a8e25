import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// How the pass shares out the steps.
@Suite struct QuantizeWeightsAllocationTests {
    private func plain() throws -> Model {
        try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
    }

    private func calibration(_ model: Model) -> CalibrationSet {
        var generator = SplitMix64(seed: 7)
        return CalibrationSet(
            (0..<24).map { index in
                TokenSequence(
                    ids: (0..<4 + index % 9).map { _ in
                        Int32(generator.next() % UInt64(model.vocabularySize))
                    })
            })
    }

    private func context(_ model: Model, _ calibration: CalibrationSet?) -> PassContext {
        PassContext(original: model, calibration: calibration, threadCount: 1)
    }

    /// The distance of the answers when one matrix alone is rounded to multiples of 0.32 root mean
    /// squares.
    private func loss(
        rounding name: String, of model: Model, _ sequences: [TokenSequence]
    ) throws -> Double {
        let weight = try model.finiteFloats(name)
        let root = sqrt(
            weight.values.reduce(0) { $0 + Double($1) * Double($1) } / Double(weight.elementCount))
        let step = Float(0.32 * root)
        var rounded = model
        rounded.parameters[name]?.storage = .dense(
            Tensor(
                shape: weight.shape,
                values: weight.values.map { ($0 / step).rounded(.toNearestOrEven) * step }))
        let batch = try SequenceBatch(sequences, for: model)
        let role = try #require(OutputDistance.role(of: model))
        let before = try ReferenceExecutor(model: model, threadCount: 1).run(batch)[role]
        let after = try ReferenceExecutor(model: rounded, threadCount: 1).run(batch)[role]
        return OutputDistance.distance(
            try #require(after), to: try #require(before), task: model.task)
    }

    @Test("Without GPTQ the steps follow from what each matrix alone costs the answers")
    func stepsFollowFromTheLosses() throws {
        let (model, data) = (try plain(), calibration(try plain()))
        var pass = QuantizeWeights()
        pass.step = 0.2
        pass.allocation = .sensitivity
        pass.rounding = .nearest
        let sites = LinearSite.sites(of: model.graph)
        let steps = try pass.steps(of: sites, model, data, nil, context(model, data))
        let nodes = sites.flatMap(\.nodes).map { model.graph.nodes[$0] }
        #expect(steps.count == nodes.count)
        let matrices = try nodes.map { node in
            guard case .linear(let linear) = node.operation else { preconditionFailure() }
            return StepAllocation.Matrix(
                weightCount: model.parameters[linear.weight]?.elementCount ?? 0,
                loss: try loss(
                    rounding: linear.weight, of: model, Array(data.sequences[data.heldOut]))
                    / (0.32 * 0.32))
        }
        let expected = StepAllocation.steps(matrices, mean: 0.2, reach: 2.5)
        for (node, step) in zip(nodes, expected) {
            let found = try #require(steps[node.name])
            #expect(abs(found / step - 1) < 0.02, "\(node.name)")
        }
        #expect(Set(steps.values).count > 1)
    }

    @Test("The codes have the steps, and the note is there only where there are none")
    func codesHaveTheSteps() throws {
        let (model, data) = (try plain(), calibration(try plain()))
        var pass = QuantizeWeights()
        pass.step = 0.2
        pass.allocation = .sensitivity
        pass.smoothing = .exponent(0)
        pass.sweeps = 0
        let sites = LinearSite.sites(of: model.graph)
        let steps = try pass.steps(of: sites, model, data, nil, context(model, data))
        var compressed = model
        let record = try pass.apply(to: &compressed, context: context(model, data))
        #expect(!record.notes.contains { $0.contains("same step") })
        for node in sites.flatMap(\.nodes).map({ model.graph.nodes[$0] }) {
            guard case .linear(let linear) = node.operation,
                case .quantizedRows(let rows)? = compressed.parameters[linear.weight]?.storage
            else { continue }
            let weight = try model.finiteFloats(linear.weight)
            let step = try #require(steps[node.name]) * weight.meanSquare.squareRoot()
            let least = try #require(rows.scales.filter { $0 > 0 }.min())
            #expect(abs(Double(least) / step - 1) < 1e-2, "\(node.name)")
        }
        for (step, data) in [(0.2, nil), (nil, data)] as [(Double?, CalibrationSet?)] {
            pass.step = step
            var other = model
            let record = try pass.apply(to: &other, context: context(model, data))
            #expect(record.notes.count { $0.contains("same step") } == 1)
        }
    }
}
