extension PruneWeights: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        method = try options.choice("method", default: method)
        pattern = try Self.pattern(&options)
        let asked = try options.number("sparsity", in: 0...1)
        if let fixed = pattern.fixedSparsity {
            // The pattern says it; repeated is fine, another one is a mistake.
            if let asked, asked != fixed {
                throw .outOfRange(
                    place: options.place, member: "sparsity", found: "\(asked)",
                    range: "\(fixed), which the pattern has")
            }
            sparsity = fixed
        } else {
            sparsity = asked ?? sparsity
        }
        allocation = try options.choice("allocation", default: allocation)
        if pattern.fixedSparsity != nil, allocation != .uniform {
            throw .unknownChoice(
                place: options.place, member: "allocation", found: allocation.rawValue,
                known: [Allocation.uniform.rawValue])
        }
        reach = try options.number("reach", in: 0.05...0.5, default: reach)
        tableSparsity = try options.number("table_sparsity", in: 0...1, default: tableSparsity)
        refit = try options.number("refit", in: 0...1e6, default: refit)
        correctsBias = try options.bool("bias_correction", default: correctsBias)
        try use.read(&options)
    }

    private static func pattern(
        _ options: inout RecipeOptions
    ) throws(RecipeError) -> SparsityPattern {
        guard let text = try options.text("pattern") else { return .unstructured }
        guard let pattern = SparsityPattern(text) else {
            throw .unknownChoice(
                place: options.place, member: "pattern", found: text,
                known: SparsityPattern.spellings)
        }
        return pattern
    }
}

extension PruneWeights {
    package var summary: String {
        let table =
            tableSparsity > 0 ? ", \(tableSparsity) of each row of the token table" : ""
        return "\(sparsity) of the weights of linear layers become zero (\(pattern.description), "
            + "by \(method.rawValue))\(table)"
    }

    package func estimate(_ size: inout SizeEstimate) {
        for name in size.products { size.entries[name]?.zeroShare = sparsity }
        for name in size.tokenTables where tableSparsity > 0 {
            size.entries[name]?.zeroShare = tableSparsity
        }
    }
}
