package import ModelGraph

/// One line of a data set.
package struct EvaluationExample: Equatable, Sendable {
    package enum Input: Equatable, Sendable {
        /// UTF-8, and the second text of a pair.
        case text([UInt8], pair: [UInt8]?)
        /// At least one token id; `typeIDs` is empty or has as many.
        case tokens(TokenSequence)
    }

    /// Counted from 1.
    package let line: Int
    package let input: Input
    package let label: String?

    package init(line: Int, input: Input, label: String? = nil) {
        self.line = line
        self.input = input
        self.label = label
    }
}
