package import Checkpoints
package import EdgeRuntime
package import ModelGraph

/// Why one line of a data set is not part of a comparison.
package enum LineProblem: Error, Equatable {
    // What the line says.
    case tooLong(byteCount: Int, limit: Int)
    case notUTF8(offset: Int)
    case json(JSONError)
    case notAnObject(found: String)
    case wrongType(member: String, expected: String, found: String)
    case idOutOfRange(member: String, position: Int, id: Int)
    /// A member that asks for something that is not evaluated yet.
    case unsupportedMember(String)
    case noInput
    case textAndIDs
    case needs(member: String, other: String)
    case noTokens
    case typeCountMismatch(tokens: Int, types: Int)

    // What the models say to it.
    case unknownLabel(String, known: [String])
    case reference(ModelError)
    case container(file: String, RuntimeError)
    case notFinite(file: String)
}

extension LineProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooLong(let byteCount, let limit):
            "\(byteCount) bytes are more than the limit of \(limit)"
        case .notUTF8(let offset):
            "invalid UTF-8 at byte \(offset)"
        case .json(let error):
            error.description
        case .notAnObject(let found):
            "expected a JSON object, found \(found)"
        case .wrongType(let member, let expected, let found):
            "member \(member.quoted) must be \(expected), found \(found)"
        case .idOutOfRange(let member, let position, let id):
            "member \(member.quoted): \(id) at position \(position) does not fit 32 bits"
        case .unsupportedMember(let member):
            "member \(member.quoted) cannot be evaluated in this version"
        case .noInput:
            "neither 'text' nor 'ids'"
        case .textAndIDs:
            "both 'text' and 'ids'"
        case .needs(let member, let other):
            "member \(member.quoted) needs \(other.quoted)"
        case .noTokens:
            "member 'ids' is empty"
        case .typeCountMismatch(let tokens, let types):
            "\(types) token types for \(tokens) tokens"
        case .unknownLabel(let label, let known):
            "label \(label.quoted) is not one of the model's \(known.count) labels: "
                + known.prefix(8).map(\.quoted).joined(separator: ", ")
                + (known.count > 8 ? ", …" : "")
        case .reference(let error):
            "float reference: \(error)"
        case .container(let file, let error):
            "\(file): \(error.message)"
        case .notFinite(let file):
            "\(file): the output has a value that is not finite"
        }
    }
}

/// A line that is not part of a comparison.
package struct LineFailure: Equatable {
    /// Counted from 1.
    package let line: Int
    package let problem: LineProblem

    package init(line: Int, problem: LineProblem) {
        self.line = line
        self.problem = problem
    }
}

extension LineFailure: CustomStringConvertible {
    package var description: String {
        "line \(line): \(problem)"
    }
}
