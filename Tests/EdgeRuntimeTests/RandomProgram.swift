import EdgeFormat

/// Makes programs of many instructions that read values of different age.
struct RandomProgram {
    private var random: RandomNumbers
    private(set) var container = TestContainer()
    /// Values of floats with one row for each token.
    private var sequences: [Int] = []
    private let columns: Int

    init(seed: UInt64) {
        random = RandomNumbers(seed: seed)
        columns = [8, 24, 40, 72][random.below(4)]
        container.program.maximumTokens = 150
        container.program.vocabularySize = 50
        container.program.typeCount = 2
        let output = container.value(columns)
        container.program.instructions.append(
            .embed(
                output: output,
                terms: [
                    EmbedTerm(
                        table: container.addCodes(50, columns, &random, rowsPerChunk: 7),
                        index: .tokenIDs, offset: 0),
                    EmbedTerm(
                        table: container.add(
                            random.floats(150 * columns), [150, columns], as: .f16),
                        index: .positions, offset: 0),
                    EmbedTerm(
                        table: container.add(random.floats(2 * columns), [2, columns]),
                        index: .typeIDs, offset: 0),
                ]))
        sequences = [output, trimmedEmbedding()]
        for _ in 0..<10 + random.below(15) { appendInstruction() }
        let last = normalized(sequences[sequences.count - 1], residual: nil)
        let pooled = container.pool(last, [.firstRow, .mean, .maximum][random.below(3)])
        let unit = container.sameShape(pooled) {
            .normalizeL2(input: pooled, output: $0, epsilon: 1e-12)
        }
        container.setOutput(.hiddenState, last)
        container.setOutput(.embedding, unit)
        container.setOutput(
            .logits, container.linear(container.quantize(unit), weight: weight(isQuantized: true)))
        container.setOutput(.pooled, firstRow(of: last))
    }

    /// What a layer would make of the first row alone, whose query reads all rows.
    private mutating func firstRow(of input: Int) -> Int {
        let row = container.pool(input, .firstRow)
        let query = container.linear(container.quantize(row), weight: weight(isQuantized: true))
        let heads = [2, 4, 8][random.below(3)]
        let attended = container.attention(
            query, any(), any(),
            AttentionShape(
                headCount: heads, keyValueHeadCount: heads, headSize: columns / heads,
                valueSize: columns / heads, scale: 0.3, isCausal: false,
                arithmetic: random.below(2) == 0 ? .float : .int8))
        let sum = normalized(attended, residual: row)
        let inner = container.linear(
            container.quantize(sum), weight: weight(isQuantized: true), activation: .gelu)
        return normalized(
            container.linear(inner, weight: weight(isQuantized: false)), residual: sum)
    }

    private mutating func any() -> Int {
        // The newest are used most, so that lifetimes differ.
        let window = min(sequences.count, random.below(3) == 0 ? sequences.count : 2)
        return sequences[sequences.count - 1 - random.below(window)]
    }

    private mutating func weight(isQuantized: Bool) -> Int {
        if isQuantized { return container.addCodes(columns, columns, &random) }
        return container.add(
            random.floats(columns * columns, 0.3), [columns, columns],
            as: [.f32, .f16, .bf16][random.below(3)])
    }

    private mutating func normalized(_ input: Int, residual: Int?) -> Int {
        let gamma = container.add(random.floats(columns).map { $0 + 1.5 }, [columns])
        let beta = random.below(2) == 0 ? container.add(random.floats(columns), [columns]) : nil
        return container.sameShape(input) {
            .layerNorm(
                input: input, residual: residual, output: $0, gamma: gamma, beta: beta,
                epsilon: 1e-6)
        }
    }

    /// A table with rows for some tokens only.
    private mutating func trimmedEmbedding() -> Int {
        let kept = (0..<50).filter { $0 == 3 || random.below(3) > 0 }
        let table = container.addCodes(kept.count, columns, &random, rowsPerChunk: 5)
        let output = container.value(columns)
        let bits = container.add(keptTokens: kept)
        container.program.instructions.append(
            .embed(
                output: output,
                terms: [
                    EmbedTerm(
                        table: table, index: .keptTokens, offset: kept.firstIndex(of: 3) ?? 0,
                        keptTokens: bits)
                ]))
        return output
    }

    private mutating func appendInstruction() {
        let input = any()
        let activation = ActivationCode(rawValue: UInt32(random.below(7))) ?? .none
        switch random.below(6) {
        case 0:
            let other = any()
            sequences.append(normalized(input, residual: random.below(2) == 0 ? other : nil))
        case 1, 2:
            let isQuantized = random.below(3) > 0
            let residual = random.below(2) == 0 ? any() : nil
            let bias = container.add(random.floats(columns), [columns])
            let range = random.below(3) == 0 ? CodeRange(low: -1.5, high: 2) : nil
            let source = isQuantized ? container.quantize(input, range: range) : input
            let output = container.linear(
                source, weight: weight(isQuantized: isQuantized), bias: bias, residual: residual,
                activation: activation)
            sequences.append(normalized(output, residual: nil))
        case 3, 4:
            let keys = any()
            let isCausal = random.below(2) == 0
            let heads = [2, 4, 8][random.below(3)]
            sequences.append(
                container.attention(
                    input, keys, any(),
                    AttentionShape(
                        headCount: heads, keyValueHeadCount: heads,
                        headSize: columns / heads, valueSize: columns / heads, scale: 0.3,
                        isCausal: isCausal,
                        arithmetic: random.below(2) == 0 ? .float : .int8)))
        default:
            let other = any()
            let sum = container.sameShape(input) { .add(left: input, right: other, output: $0) }
            sequences.append(
                container.sameShape(sum) {
                    .activate(input: sum, output: $0, activation: .tanh)
                })
        }
    }

    /// The same program with sums at its end that read every sequence of floats, and an output of
    /// them, so that none of these may share the memory of another.
    func keepingSequences() -> TestContainer {
        var kept = container
        let isSequence = kept.program.values.map { $0.kind == .floats && $0.fixedRows == nil }
        var sum = 0
        for value in isSequence.indices where isSequence[value] {
            sum = kept.sameShape(value) { .add(left: sum, right: value, output: $0) }
        }
        kept.program.outputs.append(ProgramOutput(code: .nextLogits, value: sum))
        kept.list(Feature.decoder)
        return kept
    }
}
