import ModelGraph
import Tensors

/// Compares the answers of a compressed model with those of the original on held-out sequences.
struct AnswerCheck {
    private static let sequenceCount = 64
    private static let tokenCount = 128

    private let sequences: [TokenSequence]
    private let role: OutputRole
    private let expected: Tensor
    private let threadCount: Int

    /// - Returns: nil without held-out sequences of real data.
    init?(
        _ original: Model, _ calibration: CalibrationSet?, threadCount: Int
    ) throws(CompressionError) {
        guard let calibration, !calibration.isSynthetic, !calibration.heldOut.isEmpty,
            let role = OutputDistance.role(of: original)
        else { return nil }
        let limited = calibration.limited(tokens: Self.tokenCount, total: .max)
        sequences = Array(limited.sequences[limited.heldOut].prefix(Self.sequenceCount))
        self.role = role
        self.threadCount = threadCount
        expected = try Self.answers(of: original, sequences, role, threadCount)
    }

    /// `OutputDistance` of a model's answers to the original's.
    func distance(of model: Model) throws(CompressionError) -> Double {
        let found = try Self.answers(of: model, sequences, role, threadCount)
        guard found.shape == expected.shape else { return .infinity }
        return OutputDistance.distance(found, to: expected, task: model.task)
    }

    private static func answers(
        of model: Model, _ sequences: [TokenSequence], _ role: OutputRole, _ threadCount: Int
    ) throws(CompressionError) -> Tensor {
        do throws(ModelError) {
            let executor = ReferenceExecutor(
                model: model, threadCount: threadCount, simulatesCodes: true)
            let outputs = try executor.run(try SequenceBatch(sequences, for: model))
            return outputs[role] ?? Tensor(zeros: [0])
        } catch {
            throw .model(error)
        }
    }
}
