package import ModelGraph

/// Something that answers token ids with the output that its task is about.
package protocol Candidate: AnyObject {
    /// The path that was given.
    var file: String { get }
    var task: ModelTask { get }
    /// Names of the classes in the order of the output; empty for other tasks.
    var labels: [String] { get }
    /// Longest input; nil if there is no limit.
    var maximumTokens: Int? { get }

    /// The output as one row of numbers: logits for `classify`, the embedding for `embed`, for `raw`
    /// the logits or else the last hidden state, row after row.
    func output(for input: TokenSequence) throws(CandidateError) -> [Float]
}

/// A candidate that turns texts into token ids.
package protocol TokenizingCandidate: Candidate {
    /// Whether its tokenizer may cut texts into other tokens than that of the original does.
    var hasTrimmedTokenizer: Bool { get }

    /// The tokens of a text with the special tokens, cut to what the model takes.
    func encode(_ text: [UInt8], pair: [UInt8]?) throws(CandidateError) -> TokenSequence
}

extension Candidate {
    package var maximumTokens: Int? { nil }
}

extension TokenizingCandidate {
    package var hasTrimmedTokenizer: Bool { false }
}

/// Why a candidate does not answer.
package enum CandidateError: Error, Equatable {
    /// This input is at fault; others may be answered.
    case input(LineProblem)
    /// The candidate itself is at fault.
    case candidate(EvaluationError)
}
