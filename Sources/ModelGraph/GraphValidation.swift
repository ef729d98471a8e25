import Checkpoints
import Tensors

extension Model {
    /// Checks that the graph can run.
    ///
    /// Every input must be made before it is used, shapes must agree, and every parameter must be
    /// there with the shape that its operation needs. Reads no weights.
    ///
    /// - Throws: `ModelError.graph`
    package func validate() throws(ModelError) {
        if let keptTokens, keptTokens.vocabularySize != vocabularySize {
            throw .graph(
                node: "embeddings",
                .keptTokens(expected: vocabularySize, found: keptTokens.vocabularySize))
        }
        var computed = [Bool](repeating: false, count: graph.values.count)
        for node in graph.nodes {
            do throws(GraphError) {
                try checkOrder(of: node, computed: &computed)
                try checkShapes(of: node)
            } catch {
                throw .graph(node: node.name, error)
            }
        }
        for role in OutputRole.allCases {
            guard let id = graph.outputs[role] else { continue }
            guard computed.indices.contains(id.index), computed[id.index] else {
                throw .graph(node: role.rawValue, .resultNotComputed(role))
            }
        }
    }

    private func checkOrder(of node: Node, computed: inout [Bool]) throws(GraphError) {
        for (place, input) in node.inputs.enumerated() {
            guard computed.indices.contains(input.index) else { throw .unknownValue(input.index) }
            guard computed[input.index] else { throw .inputNotComputed(place) }
        }
        let output = node.output.index
        guard computed.indices.contains(output) else { throw .unknownValue(output) }
        guard !computed[output] else { throw .outputAlreadyComputed }
        computed[output] = true
    }

    private func checkShapes(of node: Node) throws(GraphError) {
        let output = graph[node.output]
        let inputs = node.inputs.map { graph[$0] }
        let inputCount = node.operation.inputCount
        guard inputs.count == inputCount else {
            throw .inputCount(expected: inputCount, found: inputs.count)
        }
        switch node.operation {
        case .embedding(let terms):
            try check(terms, output: output)
        case .linear(let linear):
            try expect(output, rows: inputs[0].rows, columns: output.columnCount)
            try check(linear.weight, [output.columnCount, inputs[0].columnCount])
            if let bias = linear.bias { try check(bias, [output.columnCount]) }
            if let multipliers = linear.inputMultipliers {
                try check(multipliers, [inputs[0].columnCount])
            }
            if let range = linear.inputRange {
                let width = range.upperBound - range.lowerBound
                guard range.contains(0), width.isFinite, width >= 0x1p-100 else {
                    throw .inputRange(range)
                }
            }
        case .attention(let attention):
            try check(attention, inputs: inputs, output: output)
        case .layerNormalization(let normalization):
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
            try check(normalization.gamma, [output.columnCount])
            if let beta = normalization.beta { try check(beta, [output.columnCount]) }
            try expectPositive("epsilon", normalization.epsilon)
        case .rmsNormalization(let normalization):
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
            let size = try check(normalization.gamma, [nil])[0]
            try expect(output.columnCount, toBeMultipleOf: size)
            try expectPositive("epsilon", normalization.epsilon)
        case .rotary(let rotary):
            try check(rotary, input: inputs[0], output: output)
        case .scale(let factor):
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
            guard factor.isFinite else { throw .notFinite("factor", factor) }
        case .activation:
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
        case .add, .multiply:
            try expect(inputs[1], rows: inputs[0].rows, columns: inputs[0].columnCount)
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
        case .pool:
            try expect(output, rows: .fixed(1), columns: inputs[0].columnCount)
        case .normalizeL2(let epsilon):
            try expect(output, rows: inputs[0].rows, columns: inputs[0].columnCount)
            try expectPositive("epsilon", epsilon)
        }
    }

    private func check(_ terms: [EmbeddingTerm], output: Value) throws(GraphError) {
        guard !terms.isEmpty else { throw .noTables }
        try expect(output, rows: .tokens, columns: output.columnCount)
        for term in terms {
            let shape = try check(term.table, [nil, output.columnCount])
            let needed: Int
            switch term.index {
            case .tokenIDs: needed = keptTokens?.count ?? vocabularySize
            case .typeIDs: needed = max(1, typeCount)
            case .positions(let offset):
                let (sum, overflows) = maximumTokens.addingReportingOverflow(offset)
                needed = offset < 0 || overflows ? .max : sum
            }
            guard shape[0] >= needed else {
                throw .tableTooSmall(term.table, needed: needed, found: shape[0])
            }
        }
    }

    private func check(
        _ attention: Attention, inputs: [Value], output: Value
    ) throws(GraphError) {
        let (heads, shared) = (attention.headCount, attention.keyValueHeadCount)
        guard heads >= 0, shared >= 0, shared == 0 ? heads == 0 : heads % shared == 0 else {
            throw .headCounts(heads: heads, keyValueHeads: shared)
        }
        try expect(inputs[0], rows: inputs[0].rows, columns: heads * attention.headSize)
        try expect(inputs[1], rows: inputs[1].rows, columns: shared * attention.headSize)
        try expect(inputs[2], rows: inputs[1].rows, columns: shared * attention.valueSize)
        try expect(output, rows: inputs[0].rows, columns: heads * attention.valueSize)
        try expectPositive("scale", attention.scale)
        if let window = attention.window, window < 1 || attention.mask != .causal {
            throw .window(window, mask: attention.mask)
        }
        if let slopes = attention.slopes { try check(slopes, [heads]) }
        if let cap = attention.scoreCap { try expectPositive("score cap", cap) }
    }

    private func check(
        _ rotary: RotaryEmbedding, input: Value, output: Value
    ) throws(GraphError) {
        // A row must be a token, for its position to be known.
        try expect(output, rows: .tokens, columns: input.columnCount)
        try expect(input, rows: .tokens, columns: input.columnCount)
        try expect(input.columnCount, toBeMultipleOf: rotary.headSize)
        let pairs = try check(rotary.frequencies, [nil])[0]
        guard pairs <= rotary.headSize / 2 else {
            throw .rotatedSize(2 * pairs, headSize: rotary.headSize)
        }
        try expectPositive("scale", rotary.scale)
    }

    private func expect(_ columns: Int, toBeMultipleOf size: Int) throws(GraphError) {
        guard size > 0, columns % size == 0 else {
            throw .notDivisible(columns: columns, by: size)
        }
    }

    private func expect(
        _ value: Value, rows: RowCount, columns: Int
    ) throws(GraphError) {
        guard value.rows == rows else { throw .rows(expected: rows, found: value.rows) }
        guard value.columnCount == columns else {
            throw .columns(expected: columns, found: value.columnCount)
        }
    }

    private func expectPositive(_ name: String, _ value: Float) throws(GraphError) {
        guard value > 0, value.isFinite else { throw .notPositive(name, value) }
    }

    @discardableResult
    private func check(_ name: String, _ dimensions: [Int?]) throws(GraphError) -> [Int] {
        guard let parameter = parameters[name] else { throw .noParameter(name) }
        let pattern = TensorPattern(dimensions)
        guard pattern.matches(parameter.shape) else {
            throw .parameterShape(name, expected: pattern, found: parameter.shape)
        }
        let stored = parameter.storedShape(in: checkpoint)
        guard stored == parameter.shape else {
            throw .storageShape(name, expected: parameter.shape, found: stored)
        }
        return parameter.shape
    }
}

extension Parameter {
    /// The shape of the numbers themselves; negative sizes where they contradict themselves.
    fileprivate func storedShape(in checkpoint: Checkpoint) -> [Int] {
        switch storage {
        case .checkpoint(let name, _):
            return checkpoint.shape(of: name) ?? [-1]
        case .checkpointPart(let part):
            return part.lies(in: checkpoint) ? part.shape : part.shape.map { _ in -1 }
        case .dense(let tensor, _):
            return tensor.shape
        case .quantizedRows(let rows):
            let isWhole =
                rows.scales.count == rows.rowCount
                && rows.codes.count == rows.rowCount * rows.columnCount
                && (rows.multipliers?.count ?? rows.rowCount * rows.groupCount)
                    == rows.rowCount * rows.groupCount
            return isWhole ? [rows.rowCount, rows.columnCount] : [-1, -1]
        }
    }
}

extension Operation {
    /// How many inputs the operation takes.
    package var inputCount: Int {
        switch self {
        case .embedding: 0
        case .linear, .layerNormalization, .rmsNormalization, .rotary, .activation, .scale, .pool,
            .normalizeL2:
            1
        case .add, .multiply: 2
        case .attention: 3
        }
    }
}
