/// The options of Hugging Face's `BertNormalizer`, or plain canonical decomposition.
package struct NormalizationOptions: Equatable, Sendable {
    /// Drops control characters and U+FFFD, makes white space equal.
    package var cleansText = true
    /// Makes each Chinese character a word.
    package var separatesIdeographs = true
    /// Drops combining marks after decomposition.
    package var stripsAccents = true
    package var lowercases = true

    /// Whether characters are decomposed, if this is not BERT's normalization.
    private(set) var decomposesOnly: Bool?

    package init() {}

    /// What is not BERT's: characters stay as they are or are decomposed, and end no word.
    init(decomposesOnly: Bool) {
        self.decomposesOnly = decomposesOnly
        cleansText = false
        separatesIdeographs = false
        stripsAccents = false
        lowercases = false
    }
}
