/// The tokens of a text or of a pair of texts.
package struct Encoding: Equatable, Sendable {
    /// Token ids, special tokens included.
    package let ids: [Int32]
    /// For each id the number of the text that it belongs to, as a model's token type.
    package let typeIDs: [Int32]
    /// How many ids there would be without truncation.
    package let untruncatedCount: Int
}
