/// The layers of Llama and its relatives.
extension LlamaArchitecture {
    mutating func appendEmbedding(columns: Int) -> ValueID {
        let terms = [EmbeddingTerm(table: Self.tokenTable, index: .tokenIDs)]
        let embedded = graph.append(
            "embed_tokens", .embedding(terms), inputs: [], rows: .tokens, columnCount: columns)
        guard traits.scalesEmbedding else { return embedded }
        return graph.append(
            "embed_tokens.scaled", .scale(Float(Double(columns).squareRoot())),
            inputs: [embedded], rows: .tokens, columnCount: columns)
    }

    mutating func appendLayer(
        _ name: String, _ input: ValueID, _ plan: LlamaLayerPlan, columns: Int
    ) throws(ModelError) -> ValueID {
        let normal = try appendNormalization(name + ".input_layernorm", input, groupSize: columns)
        var attended = try appendAttention(name + ".self_attn", normal, plan, columns: columns)
        if traits.normalizesBranches {
            attended = try appendNormalization(
                name + ".post_attention_layernorm", attended, groupSize: columns)
        }
        let middle = graph.append(
            name + ".self_attn.add", .add, inputs: [attended, input], rows: .tokens,
            columnCount: columns)
        let second =
            traits.normalizesBranches ? "pre_feedforward_layernorm" : "post_attention_layernorm"
        let inner = try appendNormalization("\(name).\(second)", middle, groupSize: columns)
        var output = try appendFeedForward(name + ".mlp", inner, columns: columns)
        if traits.normalizesBranches {
            output = try appendNormalization(
                name + ".post_feedforward_layernorm", output, groupSize: columns)
        }
        return graph.append(
            name + ".mlp.add", .add, inputs: [output, middle], rows: .tokens, columnCount: columns)
    }

    private mutating func appendAttention(
        _ name: String, _ input: ValueID, _ plan: LlamaLayerPlan, columns: Int
    ) throws(ModelError) -> ValueID {
        let size = try headSize(columns: columns)
        var (query, key, value) =
            traits.fusesProducts
            ? try appendFusedHeads(name, input, size: size) : try appendHeads(name, input)
        let headCount = try heads(of: query, size: size)
        let sharedCount = try heads(of: key, size: size)
        sizes["num_attention_heads", default: []].append(headCount)
        sizes["num_key_value_heads", default: []].append(sharedCount)
        guard sharedCount == 0 ? headCount == 0 : headCount % sharedCount == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(name + ".q_proj.weight"), width: headCount * size,
                by: sharedCount * size)
        }
        if traits.normalizesHeads {
            query = try appendNormalization(name + ".q_norm", query, groupSize: size)
            key = try appendNormalization(name + ".k_norm", key, groupSize: size)
        }
        if plan.isRotary, headCount > 0 {
            let operation = try rotary.operation(
                isLocal: plan.isLocal, headSize: size, binder: &binder)
            query = appendRotary(name + ".q_rotary", operation, query)
            key = appendRotary(name + ".k_rotary", operation, key)
        }
        let divisor =
            traits.hasQueryScalar
            ? try configuration.positiveDouble("query_pre_attn_scalar") ?? 256 : Double(size)
        let attention = Attention(
            headCount: headCount, keyValueHeadCount: sharedCount, headSize: size, valueSize: size,
            scale: Float(1 / divisor.squareRoot()), mask: .causal,
            window: plan.window.flatMap { $0 < maximumTokens ? $0 : nil },
            scoreCap: try cap("attn_logit_softcapping", default: 50))
        if attention.scoreCap != nil, !traits.capsScores {
            throw configuration.unsupported("attn_logit_softcapping", "other than null", "null")
        }
        let mixed = graph.append(
            name, .attention(attention), inputs: [query, key, value], rows: .tokens,
            columnCount: headCount * size)
        return try appendLinear(name + ".o_proj", mixed, outputs: columns, needsBias: false)
    }

    private mutating func appendHeads(
        _ name: String, _ input: ValueID
    ) throws(ModelError) -> (query: ValueID, key: ValueID, value: ValueID) {
        let needsBias = try configuration.bool("attention_bias") ?? false
        let query = try appendLinear(name + ".q_proj", input, needsBias: needsBias)
        let key = try appendLinear(name + ".k_proj", input, needsBias: needsBias)
        let value = try appendLinear(
            name + ".v_proj", input, outputs: graph[key].columnCount, needsBias: needsBias)
        return (query, key, value)
    }

    /// Queries, keys and values out of one tensor; only the configuration says where each ends.
    private mutating func appendFusedHeads(
        _ name: String, _ input: ValueID, size: Int
    ) throws(ModelError) -> (query: ValueID, key: ValueID, value: ValueID) {
        let source = name + ".qkv_proj"
        let rows = try binder.find(source + ".weight", [nil, graph[input].columnCount]).shape[0]
        let heads = try configuration.requiredCount("num_attention_heads")
        let shared = try configuration.count("num_key_value_heads") ?? heads
        guard size <= rows, heads <= rows, shared <= rows, (heads + 2 * shared) * size == rows
        else {
            throw configuration.unsupported(
                "num_attention_heads", "\(heads)",
                "what gives \(rows) rows with \(shared) key and value heads and heads of \(size)")
        }
        let ends = [0, heads, heads + shared, heads + 2 * shared].map { $0 * size }
        return (
            try appendPart(name + ".q_proj", input, of: source, rows: ends[0]..<ends[1]),
            try appendPart(name + ".k_proj", input, of: source, rows: ends[1]..<ends[2]),
            try appendPart(name + ".v_proj", input, of: source, rows: ends[2]..<ends[3])
        )
    }

    /// Heads of a value of queries or keys.
    private func heads(of value: ValueID, size: Int) throws(ModelError) -> Int {
        let width = graph[value].columnCount
        guard width % size == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(graph[value].name + ".weight"), width: width, by: size)
        }
        return width / size
    }

    private mutating func appendRotary(
        _ name: String, _ operation: RotaryEmbedding, _ input: ValueID
    ) -> ValueID {
        graph.append(
            name, .rotary(operation), inputs: [input], rows: .tokens,
            columnCount: graph[input].columnCount)
    }

    /// down(activation(gate) · up); Shazeer 2020 (arXiv 2002.05202).
    private mutating func appendFeedForward(
        _ name: String, _ input: ValueID, columns: Int
    ) throws(ModelError) -> ValueID {
        let needsBias = try configuration.bool("mlp_bias") ?? false
        let (gate, raised) =
            traits.fusesProducts
            ? try appendFusedGates(name, input)
            : try appendGates(name, input, needsBias: needsBias)
        let width = graph[gate].columnCount
        sizes["intermediate_size", default: []].append(width)
        let activated = graph.append(
            name + ".activation", .activation(activation), inputs: [gate], rows: .tokens,
            columnCount: width)
        let gated = graph.append(
            name + ".gated", .multiply, inputs: [activated, raised], rows: .tokens,
            columnCount: width)
        return try appendLinear(name + ".down_proj", gated, outputs: columns, needsBias: needsBias)
    }

    private mutating func appendGates(
        _ name: String, _ input: ValueID, needsBias: Bool
    ) throws(ModelError) -> (gate: ValueID, raised: ValueID) {
        let gate = try appendLinear(name + ".gate_proj", input, needsBias: needsBias)
        let raised = try appendLinear(
            name + ".up_proj", input, outputs: graph[gate].columnCount, needsBias: needsBias)
        return (gate, raised)
    }

    private mutating func appendFusedGates(
        _ name: String, _ input: ValueID
    ) throws(ModelError) -> (gate: ValueID, raised: ValueID) {
        let source = name + ".gate_up_proj"
        let rows = try binder.find(source + ".weight", [nil, graph[input].columnCount]).shape[0]
        guard rows % 2 == 0 else {
            throw .widthNotDivisible(
                tensor: binder.fullName(source + ".weight"), width: rows, by: 2)
        }
        return (
            try appendPart(name + ".gate_proj", input, of: source, rows: 0..<rows / 2),
            try appendPart(name + ".up_proj", input, of: source, rows: rows / 2..<rows)
        )
    }

    /// A product whose weight is some rows of a tensor.
    private mutating func appendPart(
        _ name: String, _ input: ValueID, of source: String, rows: Range<Int>
    ) throws(ModelError) -> ValueID {
        try binder.bindPart(
            name + ".weight", of: source + ".weight", rows: rows,
            columns: 0..<graph[input].columnCount)
        return graph.append(
            name, .linear(Linear(weight: name + ".weight", bias: nil)), inputs: [input],
            rows: .tokens, columnCount: rows.count)
    }

    private mutating func appendLinear(
        _ name: String, _ input: ValueID, outputs: Int? = nil, needsBias: Bool
    ) throws(ModelError) -> ValueID {
        let (linear, width) = try binder.bindLinear(
            name, inputs: graph[input].columnCount, outputs: outputs, needsBias: needsBias)
        return graph.append(
            name, .linear(linear), inputs: [input], rows: .tokens, columnCount: width)
    }

    mutating func appendNormalization(
        _ name: String, _ input: ValueID, groupSize: Int
    ) throws(ModelError) -> ValueID {
        let gamma = name + ".weight"
        if traits.addsOneToGamma {
            try binder.bindVector(gamma, count: groupSize) { 1 + $0 }
        } else {
            try binder.bind(gamma, [groupSize])
        }
        let normalization = RMSNormalization(gamma: gamma, epsilon: epsilon)
        return graph.append(
            name, .rmsNormalization(normalization), inputs: [input], rows: .tokens,
            columnCount: graph[input].columnCount)
    }
}
