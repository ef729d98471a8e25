import Glibc
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct OutputDistanceTests {
    private func distance(
        _ found: [[Float]], _ original: [[Float]], _ task: ModelTask
    ) -> Double {
        func tensor(_ rows: [[Float]]) -> Tensor {
            Tensor(shape: [rows.count, rows[0].count], values: rows.flatMap { $0 })
        }
        return OutputDistance.distance(tensor(found), to: tensor(original), task: task)
    }

    @Test func classifiersDivergeByTheirProbabilities() {
        // p = (1/4, 3/4), q = (1/2, 1/2).
        let expected = 0.25 * log(0.5) + 0.75 * log(1.5)
        let logits: [Float] = [0, Float(log(3.0))]
        #expect(abs(distance([[0, 0]], [logits], .classify) - expected) < 1e-7)
        // Probabilities do not know what all logits have in common.
        #expect(abs(distance([[7, 7]], [logits], .classify) - expected) < 1e-7)
        // The other way round it is another number.
        let other = 0.5 * log(2.0) + 0.5 * log(2.0 / 3)
        #expect(abs(distance([logits], [[0, 0]], .classify) - other) < 1e-7)
        #expect(distance([logits], [logits], .classify) == 0)
        // The mean over the rows.
        let rows = distance([[0, 0], logits], [logits, logits], .classify)
        #expect(abs(rows - expected / 2) < 1e-7)
    }

    @Test func largeLogitsDoNotOverflow() {
        // p = (1, 0), q = (0, 1), as far as doubles know: 2000 nats.
        #expect(abs(distance([[-1000, 1000]], [[1000, -1000]], .classify) - 2000) < 1e-6)
        #expect(distance([[3e38, 0]], [[3e38, 0]], .classify) == 0)
    }

    @Test func embeddingsTurnByAnAngle() {
        #expect(abs(distance([[0, 2]], [[1, 0]], .embed) - 1) < 1e-12)
        #expect(abs(distance([[3, 0]], [[1, 0]], .embed)) < 1e-12)
        #expect(abs(distance([[-3, 0]], [[1, 0]], .embed) - 2) < 1e-12)
        #expect(abs(distance([[1, 1]], [[1, 0]], .embed) - (1 - 0.5.squareRoot())) < 1e-12)
        #expect(abs(distance([[0, 2], [4, 0]], [[1, 0], [1, 0]], .embed) - 0.5) < 1e-12)
    }

    @Test func otherOutputsAreWeighedAgainstTheirSignal() {
        // The columns have the means 2 and 5: the signal is 1 + 1 + 4 + 4.
        let original: [[Float]] = [[1, 3], [3, 7]]
        #expect(abs(distance([[1, 3], [3, 9]], original, .raw) - 0.4) < 1e-12)
        #expect(distance(original, original, .raw) == 0)
        // Without a signal there is nothing to weigh with.
        #expect(distance([[2, 2]], [[1, 1]], .raw) == 0)
    }

    @Test func noRowsAreNoDistanceApart() {
        let empty = Tensor(shape: [0, 3], values: [])
        for task in ModelTask.allCases {
            #expect(OutputDistance.distance(empty, to: empty, task: task) == 0)
        }
    }

    @Test func theAnswerIsWhatTheTaskIsAbout() throws {
        #expect(OutputDistance.role(of: try UnitModel().model()) == .hiddenState)
        #expect(OutputDistance.role(of: try UnitModel(task: .embed).model()) == .embedding)
        #expect(OutputDistance.role(of: try UnitModel(task: .classify).model()) == .logits)
        var model = try UnitModel(task: .embed).model()
        model.graph.outputs = [.hiddenState: model.graph.nodes[0].output]
        #expect(OutputDistance.role(of: model) == nil)
        model.task = .raw
        #expect(OutputDistance.role(of: model) == .hiddenState)
        model.graph.outputs[.logits] = model.graph.nodes[0].output
        #expect(OutputDistance.role(of: model) == .logits)
    }
}
