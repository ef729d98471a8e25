import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct AnswerCheckTests {
    private func perturbed(_ model: Model) throws -> Model {
        var perturbed = model
        var weight = try model.floats("0.outer.weight")
        for index in weight.values.indices { weight.values[index] *= 1.5 }
        perturbed.set("0.outer.weight", weight)
        return perturbed
    }

    @Test func thereIsNothingToCheckWithoutHeldOutData() throws {
        let model = try UnitModel().model()
        func check(_ calibration: CalibrationSet?) throws -> AnswerCheck? {
            try AnswerCheck(model, calibration, threadCount: 1)
        }
        #expect(try check(nil) == nil)
        #expect(try check(UnitModel.calibration(3)) == nil)
        #expect(try check(UnitModel.calibration(4)) != nil)
        #expect(try check(CalibrationSet.synthetic(for: model)) == nil)
        let real = CalibrationSet(CalibrationSet.synthetic(for: model).sequences)
        #expect(try check(real) != nil)
        var other = model
        other.task = .embed
        #expect(try AnswerCheck(other, real, threadCount: 1) == nil)
    }

    @Test func distancesAreThoseOfTheHeldOutAnswers() throws {
        for task in [ModelTask.raw, .embed, .classify] {
            let model = try UnitModel(task: task).model()
            let calibration = UnitModel.calibration(40)
            let check = try #require(try AnswerCheck(model, calibration, threadCount: 1))
            #expect(try check.distance(of: model) < 1e-9)
            let changed = try perturbed(model)
            let held = Array(calibration.sequences[calibration.heldOut])
            #expect(held.count == 10)
            let expected = OutputDistance.distance(
                try changed.answer(held), to: try model.answer(held), task: task)
            #expect(expected > 1e-4)
            #expect(abs(try check.distance(of: changed) - expected) < 1e-4 * expected)
        }
    }

    @Test func noMoreThanSixtyFourSequencesAreRun() throws {
        let model = try UnitModel().model()
        let calibration = UnitModel.calibration(400)
        #expect(calibration.heldOut.count == 100)
        let check = try #require(try AnswerCheck(model, calibration, threadCount: 1))
        let changed = try perturbed(model)
        func distance(_ count: Int) throws -> Double {
            let held = Array(calibration.sequences[calibration.heldOut].prefix(count))
            return OutputDistance.distance(
                try changed.answer(held), to: try model.answer(held), task: .raw)
        }
        let found = try check.distance(of: changed)
        #expect(abs(found - (try distance(64))) < 1e-5 * found)
        #expect(abs(found - (try distance(100))) > 1e-5 * found)
    }

    @Test func answersOfAnotherShapeAreInfinitelyFar() throws {
        let model = try UnitModel(task: .classify).model()
        let check = try #require(
            try AnswerCheck(model, UnitModel.calibration(8), threadCount: 1))
        var other = model
        other.set("labels.weight", SmallModel.random([3, 8], seed: 1))
        other.set("labels.bias", SmallModel.random([3], seed: 2))
        other.graph.values[try model.node("labels").output.index].columnCount = 3
        try other.validate()
        #expect(try check.distance(of: other) == .infinity)
        other = model
        other.graph.outputs = [:]
        #expect(try check.distance(of: other) == .infinity)
    }
}
