/// The options of Hugging Face's `BertNormalizer`.
package struct NormalizationOptions: Equatable, Sendable {
    /// Drops control characters and U+FFFD, makes white space equal.
    package var cleansText = true
    /// Makes each Chinese character a word.
    package var separatesIdeographs = true
    /// Drops combining marks after decomposition.
    package var stripsAccents = true
    package var lowercases = true

    package init() {}
}
