import ModelGraph

extension QuantizeWeights: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        bits = try options.integer("bits", in: 4...8, default: bits)
        guard bits == 4 || bits == 8 else {
            throw .outOfRange(
                place: options.place, member: "bits", found: "\(bits)", range: "4 or 8")
        }
        let largest = try options.integer("limit", in: 1...127)
        limit = largest ?? limit
        tableLimit = try options.integer("table_limit", in: 1...127, default: tableLimit)
        step = try options.number("step", in: 0.01...2)
        tableStep = try options.number("table_step", in: 0.01...2)
        allocation = try options.choice("allocation", default: allocation)
        rounding = try options.choice("rounding", default: rounding)
        if let exponent = try options.numberOrSearch("smoothing", in: 0...1, default: nil) {
            smoothing = .exponent(Float(exponent))
        }
        activations = try options.choice("activations", default: activations)
        clips = try options.bool("clip", default: clips)
        sweeps = try options.integer("sweeps", in: 0...16, default: sweeps)
        correctsBias = try options.bool("bias_correction", default: correctsBias)
        outlierFactor = try options.number(
            "outlier_factor", in: 1...1e9, default: outlierFactor)
        try use.read(&options)
        realignment = try options.number("realignment", in: 0...1e6, default: realignment)
        rate = try options.number("rate", in: 0...100, default: rate)
        // Four bits are full whatever the codes are: nothing is to be said about their distance.
        let others = [("limit", largest != nil), ("step", step != nil), ("rate", rate > 0)]
        for (name, isGiven) in others where isGiven && bits == 4 {
            throw .excluding(place: options.place, members: ["bits: 4", name])
        }
    }
}

extension QuantizeWeights {
    package var summary: String {
        func grid(_ limit: Int, _ step: Double?) -> String {
            step.map { "steps of \($0) standard deviations" } ?? "codes up to ±\(limit)"
        }
        let codes =
            bits == 4 ? "4 bits in groups of \(QuantizedRows.groupSize)" : grid(limit, step)
        return "linear layers to \(codes), \(rounding.rawValue) rounding"
            + (activations == .static ? ", activations in fixed ranges; " : "; ")
            + "token table to \(grid(tableLimit, tableStep))"
    }

    package func estimate(_ size: inout SizeEstimate) {
        for name in size.products {
            size.entries[name]?.bitsPerElement =
                bits == 4 ? SizeEstimate.bitsInGroups : SizeEstimate.bits(limit: limit, step: step)
        }
        for name in size.tokenTables {
            size.entries[name]?.bitsPerElement = SizeEstimate.bits(
                limit: tableLimit, step: tableStep)
        }
    }
}
