import CommandLineSupport
import EdgeRuntime

/// Why the program stops: one sentence and an exit status.
struct Failure: Error {
    let message: String
    let status: ExitStatus

    init(_ message: String, _ status: ExitStatus) {
        self.message = message
        self.status = status
    }

    init(_ error: UsageError) {
        message = error.message
        status = .wrongUsage
    }

    /// A model that turns out to be damaged while it answers.
    init(_ error: LineFailure, model path: [UInt8]) {
        message = "\(String(decoding: path, as: UTF8.self)): \(error.message)"
        status = .invalidModel
    }

    /// A model that cannot be opened or loaded.
    init(_ error: RuntimeError, model path: [UInt8]) {
        let name = String(decoding: path, as: UTF8.self)
        switch error {
        case .file(let errno):
            message = "\(name): \(Console.text(ofError: errno))"
            status = .invalidModel
        case .unknownInstructionSet, .unsupportedInstructionSet, .threads:
            message = error.message
            status = .wrongUsage
        default:
            message = "\(name): \(error.message)"
            status = .invalidModel
        }
    }
}
