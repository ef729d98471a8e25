extension TrimVocabulary: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        minimumCount = try options.integer(
            "minimum_count", in: 1...1 << 30, default: minimumCount)
        keep = try options.texts("keep") ?? keep
    }
}

extension TrimVocabulary {
    package var summary: String {
        let rare = minimumCount == 1 ? "does not use" : "uses less than \(minimumCount) times"
        return "tokens that the calibration data \(rare) leave the token table and the tokenizer"
    }

    /// How many tokens go is known when the calibration data is read.
    package func estimate(_ size: inout SizeEstimate) {}
}
