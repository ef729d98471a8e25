extension Graph {
    /// Names of the parameters that the nodes read.
    package var parameterNames: Set<String> {
        var names: Set<String> = []
        for node in nodes { names.formUnion(node.operation.parameterNames) }
        return names
    }

    /// Names of the parameters that are read in more than one place, as a token table that is the
    /// head, too.
    package var sharedParameterNames: Set<String> {
        var seen: Set<String> = []
        var shared: Set<String> = []
        for node in nodes {
            for name in node.operation.parameterNames where !seen.insert(name).inserted {
                shared.insert(name)
            }
        }
        return shared
    }

    /// Whether a parameter is read as an embedding table and by nothing else.
    package func isTable(_ name: String) -> Bool {
        nodes.allSatisfy { node in
            if case .embedding = node.operation { return true }
            return !node.operation.parameterNames.contains(name)
        }
    }
}

extension Operation {
    /// Names of the parameters that the operation reads.
    package var parameterNames: [String] {
        switch self {
        case .embedding(let terms): terms.map(\.table)
        case .linear(let linear):
            [linear.weight] + [linear.bias, linear.inputMultipliers].compactMap { $0 }
        case .layerNormalization(let normalization):
            [normalization.gamma] + (normalization.beta.map { [$0] } ?? [])
        case .rmsNormalization(let normalization): [normalization.gamma]
        case .rotary(let rotary): [rotary.frequencies]
        case .attention(let attention): attention.slopes.map { [$0] } ?? []
        case .activation, .add, .multiply, .scale, .pool, .normalizeL2: []
        }
    }
}
