package import EdgeFormat
package import EdgeTokenizer

/// Why a container cannot be loaded or an input cannot be run.
package enum RuntimeError: Error, Equatable {
    /// The operating system refused to open or map the file.
    case file(errno: Int32)
    case format(FormatError)
    case unknownInstructionSet(name: [UInt8])
    case unsupportedInstructionSet(name: [UInt8])
    case threads(count: Int)
    case outOfMemory(byteCount: Int)
    case overMemoryLimit(needed: Int, limit: Int)
    case emptyInput
    case tooManyTokens(count: Int, limit: Int)
    case tokenOutOfRange(position: Int, id: Int32, vocabularySize: Int)
    case typeOutOfRange(position: Int, id: Int32, typeCount: Int)
    case wrongTypeCount(expected: Int, found: Int)
    /// Sequences of a batch need more memory than the longest that the model takes.
    case overBatch(rows: Int, limit: Int)
    /// A row of activations holds NaN or infinity, or overflows.
    case notFinite(instruction: Int, row: Int)
    /// The task needs an output that the program does not compute.
    case noSuchOutput
    case tokenizer(TokenizerError)
    /// Text was given to a model that runs from token ids only.
    case noTokenizer
}

extension RuntimeError {
    /// One English sentence without the file name; `errno` is put into words by the caller.
    package var message: String {
        switch self {
        case .file(let errno):
            return "cannot be opened (errno \(errno))"
        case .format(let error):
            return error.message
        case .unknownInstructionSet(let name):
            return "unknown instruction set '\(String(decoding: name, as: UTF8.self))'"
        case .unsupportedInstructionSet(let name):
            return "this CPU does not support the instruction set "
                + "'\(String(decoding: name, as: UTF8.self))'"
        case .threads(let count):
            return "cannot start \(count) threads"
        case .outOfMemory(let byteCount):
            return "\(byteCount) bytes of memory are not available"
        case .overMemoryLimit(let needed, let limit):
            return "needs \(needed) bytes of memory, the limit is \(limit)"
        case .emptyInput:
            return "the input has no tokens"
        case .tooManyTokens(let count, let limit):
            return "the input has \(count) tokens, the model takes at most \(limit)"
        case .tokenOutOfRange(let position, let id, let vocabularySize):
            return "token id \(id) at position \(position) is outside the vocabulary of "
                + "\(vocabularySize)"
        case .typeOutOfRange(let position, let id, let typeCount):
            return "token type \(id) at position \(position) is outside the \(typeCount) types"
        case .wrongTypeCount(let expected, let found):
            return "\(found) token types for \(expected) tokens"
        case .overBatch(let rows, let limit):
            return "the sequences of the batch take \(rows) rows, \(limit) fit"
        case .notFinite(let instruction, let row):
            return "instruction \(instruction) makes a value in row \(row) that is not finite"
        case .noSuchOutput:
            return "the model does not compute what this task needs"
        case .tokenizer(let error):
            return error.description
        case .noTokenizer:
            return "the model has no tokenizer; give token ids with --ids"
        }
    }
}
