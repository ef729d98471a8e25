import Checkpoints
import CommandLineSupport
import Evaluation
import ModelGraph

/// The float original, opened for the task that containers were made for.
struct OpenedReference {
    let model: Model
    /// Oddities of the checkpoint, one sentence each.
    let warnings: [String]

    /// - Parameter taskName: Nil, or a name that is not known here, takes what the checkpoint is for.
    init(file: String, taskName: String?) throws(Failure) {
        let checkpoint: Checkpoint
        do {
            checkpoint = try Checkpoint(path: file)
        } catch {
            throw Failure(error)
        }
        do {
            model = try Model(
                checkpoint: checkpoint, task: taskName.flatMap { ModelTask(rawValue: $0) })
        } catch {
            throw Failure(EvaluationError.reference(file: file, error))
        }
        warnings = checkpoint.warnings
    }

    func facts(file: String) throws(Failure) -> CheckpointFacts {
        do {
            return try CheckpointFacts(file: file, model: model)
        } catch {
            throw Failure(error)
        }
    }
}
