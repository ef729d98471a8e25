import Checkpoints
import CommandLineSupport
import EdgeRuntime
import Evaluation
import Reporting

extension Failure {
    init(_ error: CheckpointError) {
        self.init(error.description, .invalidModel)
    }

    init(_ error: EvaluationError) {
        if case .noExamples(_, .some) = error {
            self.init(error.description, .someInputFailed)
        } else {
            self.init(error.description, error.isModelInvalid ? .invalidModel : .wrongUsage)
        }
    }

    init(_ error: ReportingError) {
        self.init(error.description, .wrongUsage)
    }

    /// An instruction set from the environment that cannot be used.
    init(instructionSet error: RuntimeError) {
        self.init("ATTENUATE_ISA: \(error.message)", .wrongUsage)
    }
}
