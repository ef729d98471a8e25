extension TrimVocabulary: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        minimumCount = try options.integer(
            "minimum_count", in: 1...1 << 30, default: minimumCount)
        keep = try options.texts("keep") ?? keep
    }
}
