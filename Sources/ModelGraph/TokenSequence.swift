/// What a model reads.
package struct TokenSequence: Equatable, Sendable {
    package let ids: [Int32]
    /// One per token; empty stands for type 0 everywhere.
    package let typeIDs: [Int32]
    /// Whether tokens were cut off to fit the model.
    package let isTruncated: Bool

    package init(ids: [Int32], typeIDs: [Int32] = [], isTruncated: Bool = false) {
        self.ids = ids
        self.typeIDs = typeIDs
        self.isTruncated = isTruncated
    }
}
