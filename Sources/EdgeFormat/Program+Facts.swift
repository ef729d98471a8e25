extension Program {
    /// The features that the program itself needs.
    package var features: [StaticText] {
        var features: [StaticText] = []
        if outputs.contains(where: { $0.code == .nextLogits })
            || instructions.contains(where: { $0.isOfDecoders })
        {
            features.append(Feature.decoder)
        }
        if instructions.contains(where: { $0.attentionShape?.arithmetic == .int8 }) {
            features.append(Feature.int8Attention)
        }
        let usesKeptTokens = instructions.contains { instruction in
            guard case .embed(_, let terms) = instruction else { return false }
            return terms.contains { $0.index == .keptTokens }
        }
        if usesKeptTokens { features.append(Feature.keptTokens) }
        let usesStaticRanges = instructions.contains { instruction in
            guard case .quantize(_, _, _, let range) = instruction else { return false }
            return range != nil
        }
        if usesStaticRanges { features.append(Feature.staticRanges) }
        return features
    }

    /// Whether a sequence can be given in parts, each of which finds the keys and values of those
    /// before it in a cache: nothing that a token gives depends on tokens behind it.
    package var canBeExtended: Bool {
        instructions.allSatisfy { instruction in
            switch instruction {
            case .attention(_, let key, _, _, let shape):
                return shape.isCausal && values[key].fixedRows == nil
            case .pool(_, _, let pooling):
                return pooling == .lastRow
            default:
                return true
            }
        }
    }
}

extension Program {
    /// The instructions that some outputs need; where sequences are extended, also those that make
    /// keys and values.
    package func instructions(
        neededFor outputs: [OutputCode], isExtending: Bool = false
    ) -> [Bool] {
        var isNeeded = [Bool](repeating: false, count: values.count)
        for code in outputs {
            if let value = output(code) { isNeeded[value] = true }
        }
        if isExtending {
            for case .attention(_, let key, let value, _, _) in instructions {
                isNeeded[key] = true
                isNeeded[value] = true
            }
        }
        var needed = [Bool](repeating: false, count: instructions.count)
        for (index, instruction) in instructions.enumerated().reversed()
        where isNeeded[instruction.output] {
            needed[index] = true
            for input in instruction.inputs { isNeeded[input] = true }
        }
        return needed
    }

    /// Whether the program makes the scores of what follows a text, token by token.
    package var generates: Bool {
        guard canBeExtended, let output = output(.nextLogits) else { return false }
        return values[output].fixedRows == 1 && values[output].columnCount > 0
    }
}

extension Instruction {
    package var attentionShape: AttentionShape? {
        guard case .attention(_, _, _, _, let shape) = self else { return nil }
        return shape
    }

    /// Whether the instruction came with the feature `decoder`.
    fileprivate var isOfDecoders: Bool {
        switch self {
        case .angles, .rotate, .rmsNorm, .multiply, .scale: true
        case .attention(_, _, _, _, let shape):
            shape.window != nil || shape.scoreCap != nil || shape.slopes != nil
        case .pool(_, _, let pooling): pooling == .lastRow
        case .embed, .linear, .layerNorm, .activate, .add, .normalizeL2, .quantize: false
        }
    }
}
