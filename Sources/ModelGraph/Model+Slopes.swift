import Tensors

extension Model {
    /// The slopes of all attentions that have some, by the name of the parameter; `[headCount]` each.
    package func attentionSlopes() throws(ModelError) -> [String: [Float]] {
        var slopes: [String: [Float]] = [:]
        for node in graph.nodes {
            guard case .attention(let attention) = node.operation, let name = attention.slopes,
                slopes[name] == nil, let parameter = parameters[name]
            else { continue }
            slopes[name] = try parameter.floats(in: checkpoint).values
        }
        return slopes
    }
}
