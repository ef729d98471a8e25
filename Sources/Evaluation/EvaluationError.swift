package import EdgeRuntime
import Glibc
package import ModelGraph

/// Why a comparison or a measurement cannot be made.
package enum EvaluationError: Error, Equatable {
    // The data set.
    case unreadable(file: String, errno: Int32)
    case unknownDataFormat(file: String)
    /// No line can be used; `first` is the first that failed, if any did.
    case noExamples(file: String, first: LineFailure?)

    // What is compared.
    case reference(file: String, ModelError)
    case container(file: String, RuntimeError)
    /// The bytes of the file are not those that its header promises.
    case digestMismatch(file: String)
    case tasksDiffer(file: String, task: ModelTask, otherFile: String, otherTask: ModelTask)
    case labelsDiffer(file: String, otherFile: String)
    case outputSizesDiffer(file: String, count: Int, otherFile: String, otherCount: Int, line: Int)
    case tokenizersDiffer(file: String, otherFile: String, line: Int)
    case outputMissing(file: String, task: ModelTask)

    // Measurements in another process.
    case programNotFound(String)
    case programNotStarted(String, reason: String)
    case programFailed(String, status: Int32)
    case programOutput(String, reason: String)
}

extension EvaluationError {
    /// Whether a checkpoint or container is at fault rather than the data or this machine.
    package var isModelInvalid: Bool {
        switch self {
        case .reference, .container, .digestMismatch, .tasksDiffer, .labelsDiffer,
            .outputSizesDiffer, .tokenizersDiffer, .outputMissing:
            true
        case .unreadable, .unknownDataFormat, .noExamples, .programNotFound, .programNotStarted,
            .programFailed, .programOutput:
            false
        }
    }
}

extension EvaluationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let file, let code):
            "\(file): cannot be read: \(String(cString: strerror(code)))"
        case .unknownDataFormat(let file):
            "\(file): the name of a data set must end in .jsonl or .txt"
        case .noExamples(let file, nil):
            "\(file): the data set has no examples"
        case .noExamples(let file, .some(let first)):
            "\(file): no line can be used; \(first)"
        case .reference(let file, let error):
            "\(file): \(error)"
        case .container(let file, .file(let code)):
            "\(file): cannot be read: \(String(cString: strerror(code)))"
        case .container(let file, let error):
            "\(file): \(error.message)"
        case .digestMismatch(let file):
            "\(file): the content does not have the SHA-256 digest that the header records"
        case .tasksDiffer(let file, let task, let otherFile, let otherTask):
            "\(file): made to \(task.rawValue), but \(otherFile) to \(otherTask.rawValue)"
        case .labelsDiffer(let file, let otherFile):
            "\(file): its labels are not those of \(otherFile)"
        case .outputSizesDiffer(let file, let count, let otherFile, let otherCount, let line):
            "\(file): an output of \(count) numbers for line \(line), "
                + "but \(otherCount) from \(otherFile)"
        case .tokenizersDiffer(let file, let otherFile, let line):
            "\(file): its tokenizer splits line \(line) otherwise than that of \(otherFile); "
                + "compare containers of one checkpoint"
        case .outputMissing(let file, let task):
            "\(file): has no output to \(task.rawValue)"
        case .programNotFound(let name):
            "\(name): not found beside this program nor on PATH"
        case .programNotStarted(let name, let reason):
            "\(name): cannot be started: \(reason)"
        case .programFailed(let name, let status):
            "\(name): ended with status \(status)"
        case .programOutput(let name, let reason):
            "\(name): its output cannot be read: \(reason)"
        }
    }
}
