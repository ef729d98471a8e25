extension Factorize: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        let rank = try options.integer("rank", in: 1...1 << 16)
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
        tableRank = try options.integer("table_rank", in: 1...1 << 16)
        multiple = try options.integer("multiple", in: 1...4096, default: multiple)
        margin = try options.number("margin", in: 0...1, default: margin)
        damping = try options.number("damping", in: 0...1e6, default: damping)
        realignment = try options.number("realignment", in: 0...1e6, default: realignment)
        try use.read(&options)
    }
}

extension Factorize {
    package var summary: String {
        let rank =
            switch target {
            case .rank(let rank): "rank \(rank)"
            case .energy(let share): "the rank that keeps \(share) of the output's energy"
            case .keep(let share): "the rank that keeps \(share) of the weights"
            }
        let names = products.map { $0.joined(separator: ", ") } ?? "products"
        let table = tableRank.map { "; token table to rank \($0)" } ?? ""
        return
            "\(names.isEmpty ? "no products" : names) to \(rank), where that saves weights\(table)"
    }

    /// Products whose rank depends on the data are reckoned as they are.
    package func estimate(_ size: inout SizeEstimate) {
        func thin(_ name: String, to rank: Int) {
            guard let shape = size.shapes[name], shape.count == 2,
                pays(rank: rank, outputs: shape[0], inputs: shape[1])
            else { return }
            size.entries[name]?.elements = Double(rank * (shape[0] + shape[1]))
        }
        for name in size.products
        where isWanted(name.hasSuffix(".weight") ? String(name.dropLast(7)) : name) {
            guard let shape = size.shapes[name], shape.count == 2 else { continue }
            switch target {
            case .rank(let rank): thin(name, to: rank)
            case .keep: thin(name, to: rank(outputs: shape[0], inputs: shape[1]))
            case .energy: break
            }
        }
        if let tableRank {
            for name in size.tokenTables { thin(name, to: tableRank) }
        }
    }
}
