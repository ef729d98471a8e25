import Tensors

extension ReferenceExecutor {
    /// Computes one node.
    func compute(
        _ node: Node, _ inputs: [Tensor], _ input: TokenInput
    ) throws(ModelError) -> Tensor {
        switch node.operation {
        case .embedding(let terms):
            let columns = model.graph[node.output].columnCount
            return try embed(terms, input, columnCount: columns, node: node.name)
        case .linear(let linear):
            let weight = try weights.tensor(linear.weight, node: node.name)
            let bias = try tensor(linear.bias, node: node.name)
            do {
                return try MatrixProduct.linear(inputs[0], weight: weight, bias: bias)
            } catch {
                throw .tensor(node: node.name, error)
            }
        case .attention(let attention):
            return attention.apply(query: inputs[0], key: inputs[1], value: inputs[2])
        case .layerNormalization(let normalization):
            let gamma = try weights.tensor(normalization.gamma, node: node.name)
            let beta = try tensor(normalization.beta, node: node.name)
            return inputs[0].normalized(
                gamma: gamma, beta: beta, epsilon: normalization.epsilon)
        case .activation(let activation):
            return activation.apply(inputs[0])
        case .add:
            return inputs[0].adding(inputs[1])
        case .pool(let pooling):
            return pooling.apply(inputs[0])
        case .normalizeL2(let epsilon):
            return inputs[0].dividedByLength(epsilon: epsilon)
        }
    }

    private func tensor(_ name: String?, node: String) throws(ModelError) -> Tensor? {
        guard let name else { return nil }
        return try weights.tensor(name, node: node)
    }

    private func embed(
        _ terms: [EmbeddingTerm], _ input: TokenInput, columnCount: Int, node: String
    ) throws(ModelError) -> Tensor {
        let tokenCount = input.tokenIDs.count
        var sum = [Float](repeating: 0, count: tokenCount * columnCount)
        for term in terms {
            try weights.add(
                rows: input.rows(term.index), of: term.table, columnCount: columnCount, to: &sum,
                node: node)
        }
        return Tensor(shape: [tokenCount, columnCount], values: sum)
    }
}
