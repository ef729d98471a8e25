import Checkpoints
import CommandLineSupport
import EdgeRuntime
import Evaluation
import Reporting

/// Why the program ends early, in one sentence, with its exit status.
struct Failure: Error {
    let message: String
    let status: ExitStatus

    init(_ error: UsageError) {
        message = error.message
        status = .wrongUsage
    }

    init(usage message: String) {
        self.message = message
        status = .wrongUsage
    }

    init(_ error: CheckpointError) {
        message = error.description
        status = .invalidModel
    }

    init(_ error: EvaluationError) {
        message = error.description
        if case .noExamples(_, .some) = error {
            status = .someInputFailed
        } else {
            status = error.isModelInvalid ? .invalidModel : .wrongUsage
        }
    }

    init(_ error: ReportingError) {
        message = error.description
        status = .wrongUsage
    }

    /// An instruction set from the environment that cannot be used.
    init(instructionSet error: RuntimeError) {
        message = "ATTENUATE_ISA: \(error.message)"
        status = .wrongUsage
    }
}
