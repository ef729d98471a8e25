/// What a pass that leaves out tokens must know of the tokenizer.
package struct VocabularyFacts: Sendable {
    /// The token of words that the vocabulary does not cover; it takes the place of others.
    package let unknown: Int32
    /// Tokens that the tokenizer cannot do without, ascending.
    package let required: [Int32]
    /// The id of a token by its text; nil if there is none.
    package let id: @Sendable (String) -> Int32?

    package init(
        unknown: Int32, required: [Int32], id: @escaping @Sendable (String) -> Int32?
    ) {
        self.unknown = unknown
        self.required = required
        self.id = id
    }
}
