package import ModelGraph
import Tensors

/// The float original, run by the reference executor.
package final class ReferenceCandidate: Candidate {
    package let file: String
    package let model: Model
    private let executor: ReferenceExecutor

    package init(file: String, model: Model, threadCount: Int) {
        self.file = file
        self.model = model
        executor = ReferenceExecutor(model: model, threadCount: threadCount)
    }

    package var task: ModelTask { model.task }
    package var labels: [String] { model.labels }
    package var maximumTokens: Int? { model.maximumTokens }

    package func output(for input: TokenSequence) throws(CandidateError) -> [Float] {
        // The first of these that the model has is its answer.
        let roles: [OutputRole] =
            switch task {
            case .classify: [.logits]
            case .embed: [.embedding]
            case .generate: [.nextLogits]
            case .raw: [.logits, .hiddenState]
            }
        let outputs: [OutputRole: Tensor]
        do {
            outputs = try executor.run(
                tokenIDs: input.ids, typeIDs: input.typeIDs.isEmpty ? nil : input.typeIDs,
                outputs: Set(roles))
        } catch {
            throw Self.candidateError(error, file: file)
        }
        let output = roles.compactMap { outputs[$0] }.first
        guard let output else { throw .candidate(.outputMissing(file: file, task: task)) }
        return output.values
    }

    private static func candidateError(_ error: ModelError, file: String) -> CandidateError {
        switch error {
        case .noTokens, .tooManyTokens, .tokenOutOfRange, .typeOutOfRange, .typeCountMismatch:
            .input(.reference(error))
        default:
            .candidate(.reference(file: file, error))
        }
    }
}
