package import Tensors

extension ReferenceExecutor {
    /// Computes one node for all sequences of a batch.
    ///
    /// - Parameter inputs: `[rows, columns]` each, the rows of one sequence after the other.
    package func compute(
        _ node: Node, _ inputs: [Tensor], _ batch: SequenceBatch
    ) throws(ModelError) -> Tensor {
        switch node.operation {
        case .embedding(let terms):
            let columns = model.graph[node.output].columnCount
            return try embed(terms, batch, columnCount: columns, node: node.name)
        case .linear(let linear):
            let weight = try weights.tensor(linear.weight, node: node.name)
            let bias = try tensor(linear.bias, node: node.name)
            let input = try self.input(of: linear, inputs[0], node: node.name)
            do {
                return try MatrixProduct.linear(input, weight: weight, bias: bias)
            } catch {
                throw .tensor(node: node.name, error)
            }
        case .attention(let attention):
            let slopes = try tensor(attention.slopes, node: node.name)
            return apply(attention, node, inputs, slopes: slopes?.values, batch)
        case .layerNormalization(let normalization):
            let gamma = try weights.tensor(normalization.gamma, node: node.name)
            let beta = try tensor(normalization.beta, node: node.name)
            return inputs[0].normalized(
                gamma: gamma, beta: beta, epsilon: normalization.epsilon)
        case .rmsNormalization(let normalization):
            return inputs[0].normalizedByRootMeanSquare(
                gamma: try weights.tensor(normalization.gamma, node: node.name),
                epsilon: normalization.epsilon)
        case .rotary(let rotary):
            let frequencies = try weights.tensor(rotary.frequencies, node: node.name)
            return rotary.apply(
                inputs[0], frequencies: frequencies,
                sequences: (0..<batch.count).map { batch.rows(of: $0, .tokens) })
        case .activation(let activation):
            return activation.apply(inputs[0])
        case .add:
            return inputs[0].adding(inputs[1])
        case .multiply:
            return inputs[0].multiplying(inputs[1])
        case .scale(let factor):
            return inputs[0].mapped { $1 * factor }
        case .pool(let pooling):
            let rows = model.graph[node.inputs[0]].rows
            return pooling.apply(
                inputs[0], sequences: (0..<batch.count).map { batch.rows(of: $0, rows) })
        case .normalizeL2(let epsilon):
            return inputs[0].dividedByLength(epsilon: epsilon)
        }
    }

    private func tensor(_ name: String?, node: String) throws(ModelError) -> Tensor? {
        guard let name else { return nil }
        return try weights.tensor(name, node: node)
    }

    /// The input of a product as the device gives it to the weights.
    private func input(
        of linear: Linear, _ input: Tensor, node: String
    ) throws(ModelError) -> Tensor {
        let multipliers = try tensor(linear.inputMultipliers, node: node)
        if simulatesCodes, case .quantizedRows? = model.parameters[linear.weight]?.storage {
            return input.roundedToCodes(
                multipliers: multipliers?.values, range: linear.inputRange)
        }
        guard let multipliers else { return input }
        return input.multiplyingColumns(by: multipliers.values)
    }

    /// Attention, sequence by sequence.
    private func apply(
        _ attention: Attention, _ node: Node, _ inputs: [Tensor], slopes: [Float]?,
        _ batch: SequenceBatch
    ) -> Tensor {
        let queryRows = model.graph[node.inputs[0]].rows
        let keyRows = model.graph[node.inputs[1]].rows
        return attention.apply(
            query: inputs[0], key: inputs[1], value: inputs[2], slopes: slopes,
            sequences: (0..<batch.count).map {
                (queries: batch.rows(of: $0, queryRows), keys: batch.rows(of: $0, keyRows))
            })
    }

    private func embed(
        _ terms: [EmbeddingTerm], _ batch: SequenceBatch, columnCount: Int, node: String
    ) throws(ModelError) -> Tensor {
        var sum = [Float](repeating: 0, count: batch.tokenCount * columnCount)
        for term in terms {
            try weights.add(
                rows: batch.tableRows(term.index), of: term.table, columnCount: columnCount,
                to: &sum, node: node)
        }
        return Tensor(shape: [batch.tokenCount, columnCount], values: sum)
    }
}
