import CommandLineSupport
import EdgeRuntime

extension Failure {
    /// A model that turns out to be damaged while it answers.
    init(_ error: LineFailure, model path: [UInt8]) {
        self.init("\(String(decoding: path, as: UTF8.self)): \(error.message)", .invalidModel)
    }

    /// A model that cannot be opened or loaded.
    init(_ error: RuntimeError, model path: [UInt8]) {
        let name = String(decoding: path, as: UTF8.self)
        switch error {
        case .file(let errno):
            self.init("\(name): \(Console.text(ofError: errno))", .invalidModel)
        case .unknownInstructionSet, .unsupportedInstructionSet, .threads:
            self.init(error.message, .wrongUsage)
        default:
            self.init("\(name): \(error.message)", .invalidModel)
        }
    }
}
