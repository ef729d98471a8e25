extension Factorize: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        let rank = try options.optionalInteger("rank", in: 1...1 << 16)
        let energy = try options.number("energy", in: 0...1)
        let keep = try options.number("keep", in: 0...1)
        let targets =
            [rank.map(Target.rank), energy.map(Target.energy), keep.map(Target.keep)]
            .compactMap { $0 }
        guard targets.count <= 1 else {
            throw .excluding(place: options.place, members: ["rank", "energy", "keep"])
        }
        target = targets.first ?? target
        products = try options.texts("products")
        tableRank = try options.optionalInteger("table_rank", in: 1...1 << 16)
        multiple = try options.integer("multiple", in: 1...4096, default: multiple)
        margin = try options.number("margin", in: 0...1, default: margin)
        damping = try options.number("damping", in: 0...1e6, default: damping)
        realignment = try options.number("realignment", in: 0...1e6, default: realignment)
        rowImportance = try options.number("uniform_rows", in: 0...1)
        sequenceTokens = try options.integer(
            "sequence_tokens", in: 1...1 << 20, default: sequenceTokens)
        totalTokens = try options.integer("total_tokens", in: 1...1 << 24, default: totalTokens)
    }
}
