import EdgeFormat
import ModelGraph

/// Lowers a graph to fused instructions.
///
/// Tensors are named here and numbered when all are known.
struct ProgramBuilder {
    private let model: Model
    private(set) var values: [ProgramValue] = []
    private(set) var instructions: [Instruction] = []
    /// Program value of each graph value.
    private var lowered: [ValueID: Int] = [:]
    /// Codes that were made of program values.
    private var codes: [CodesOrigin: Int] = [:]
    /// Angles of rotary positions.
    private var angles: [AnglesOrigin: Int] = [:]
    private let fusions: Fusions
    private var makers: [ValueID: Node] = [:]
    let tensorIndex: [String: Int]

    init(_ model: Model, fusions: Fusions, tensorIndex: [String: Int]) {
        self.model = model
        self.fusions = fusions
        self.tensorIndex = tensorIndex
        for node in model.graph.nodes { makers[node.output] = node }
    }

    /// The whole program.
    mutating func build() -> Program {
        for node in model.graph.nodes where lowered[node.output] == nil { lower(node) }
        var outputs: [ProgramOutput] = []
        for (role, id) in model.graph.outputs {
            if let value = lowered[id] {
                outputs.append(ProgramOutput(code: Self.code(of: role), value: value))
            }
        }
        outputs.sort { $0.code.rawValue < $1.code.rawValue }
        return Program(
            maximumTokens: model.maximumTokens, vocabularySize: model.vocabularySize,
            typeCount: model.typeCount, values: values, instructions: instructions,
            outputs: outputs)
    }

    private mutating func lower(_ node: Node) {
        switch node.operation {
        case .embedding(let terms):
            let output = define(node.output)
            instructions.append(
                .embed(
                    output: output,
                    terms: terms.map { term in
                        switch term.index {
                        case .tokenIDs:
                            if let kept = model.keptTokens {
                                EmbedTerm(
                                    table: tensor(term.table), index: .keptTokens,
                                    offset: kept.unknownRow,
                                    keptTokens: tensor(LoweredModel.keptTokensName))
                            } else {
                                EmbedTerm(table: tensor(term.table), index: .tokenIDs, offset: 0)
                            }
                        case .typeIDs:
                            EmbedTerm(table: tensor(term.table), index: .typeIDs, offset: 0)
                        case .positions(let offset):
                            EmbedTerm(table: tensor(term.table), index: .positions, offset: offset)
                        }
                    }))
        case .linear(let linear):
            lowerLinear(node, linear)
        case .attention(let attention):
            let output = define(node.output)
            instructions.append(
                .attention(
                    query: value(node.inputs[0]), key: value(node.inputs[1]),
                    value: value(node.inputs[2]), output: output,
                    shape: AttentionShape(
                        headCount: attention.headCount,
                        keyValueHeadCount: attention.keyValueHeadCount,
                        headSize: attention.headSize, valueSize: attention.valueSize,
                        scale: attention.scale, isCausal: attention.mask == .causal,
                        arithmetic: attention.arithmetic == .int8 ? .int8 : .float,
                        window: attention.window, scoreCap: attention.scoreCap,
                        slopes: attention.slopes.map(tensor))))
        case .layerNormalization(let normalization):
            let output = define(node.output)
            instructions.append(
                .layerNorm(
                    input: value(node.inputs[0]), residual: nil, output: output,
                    gamma: tensor(normalization.gamma), beta: normalization.beta.map(tensor),
                    epsilon: normalization.epsilon))
        case .activation(let activation):
            let output = define(node.output)
            instructions.append(
                .activate(
                    input: value(node.inputs[0]), output: output,
                    activation: Self.code(of: activation)))
        case .add:
            lowerAdd(node)
        case .pool(let pooling):
            let output = define(node.output)
            let code: PoolCode =
                switch pooling {
                case .firstRow: .firstRow
                case .lastRow: .lastRow
                case .mean: .mean
                case .maximum: .maximum
                }
            instructions.append(
                .pool(input: value(node.inputs[0]), output: output, pooling: code))
        case .rmsNormalization(let normalization):
            let output = define(node.output)
            instructions.append(
                .rmsNorm(
                    input: value(node.inputs[0]), output: output,
                    gamma: tensor(normalization.gamma), epsilon: normalization.epsilon))
        case .rotary(let rotary):
            let angles = angles(of: rotary)
            let output = define(node.output)
            instructions.append(
                .rotate(
                    input: value(node.inputs[0]), angles: angles, output: output,
                    headSize: rotary.headSize,
                    pairing: rotary.pairing == .halves ? .halves : .adjacent))
        case .multiply:
            let output = define(node.output)
            instructions.append(
                .multiply(
                    left: value(node.inputs[0]), right: value(node.inputs[1]), output: output))
        case .scale(let factor):
            let output = define(node.output)
            instructions.append(
                .scale(input: value(node.inputs[0]), output: output, factor: factor))
        case .normalizeL2(let epsilon):
            let output = define(node.output)
            instructions.append(
                .normalizeL2(input: value(node.inputs[0]), output: output, epsilon: epsilon))
        }
    }

    /// A product takes its activation with it, or the residual connection that it is added to.
    private mutating func lowerLinear(_ node: Node, _ linear: Linear) {
        var input = value(node.inputs[0])
        if case .quantizedRows? = model.parameters[linear.weight]?.storage {
            input = quantized(
                input, multipliers: linear.inputMultipliers, range: linear.inputRange)
        }
        var result = node.output
        var activation = ActivationCode.none
        var residual: Int?
        if let next = fused(after: node), case .activation(let function) = next.operation {
            result = next.output
            activation = Self.code(of: function)
        }
        if let next = fused(after: node), case .add = next.operation {
            let other = next.inputs[0] == node.output ? next.inputs[1] : next.inputs[0]
            // Of two products that are added, the second takes the first.
            if let known = lowered[other] {
                result = next.output
                residual = known
            }
        }
        let output = define(result)
        instructions.append(
            .linear(
                input: input, residual: residual, output: output, weight: tensor(linear.weight),
                bias: linear.bias.map(tensor), activation: activation))
    }

    /// A sum becomes the residual of its normalization.
    private mutating func lowerAdd(_ node: Node) {
        if let next = fused(after: node),
            case .layerNormalization(let normalization) = next.operation
        {
            let output = define(next.output)
            instructions.append(
                .layerNorm(
                    input: value(node.inputs[0]), residual: value(node.inputs[1]), output: output,
                    gamma: tensor(normalization.gamma), beta: normalization.beta.map(tensor),
                    epsilon: normalization.epsilon))
            return
        }
        let output = define(node.output)
        instructions.append(
            .add(left: value(node.inputs[0]), right: value(node.inputs[1]), output: output))
    }

    private func fused(after node: Node) -> Node? {
        fusions.result(of: node.output).flatMap { makers[$0] }
    }

    private mutating func define(_ id: ValueID) -> Int {
        let value = model.graph[id]
        let fixedRows: Int? = if case .fixed(let rows) = value.rows { rows } else { nil }
        values.append(
            ProgramValue(
                kind: .floats, fixedRows: fixedRows, columnCount: value.columnCount))
        lowered[id] = values.count - 1
        return values.count - 1
    }

    private struct AnglesOrigin: Hashable {
        let frequencies: String
        let scale: Float
    }

    /// The angles that heads are turned by, computed once for all that need the same.
    private mutating func angles(of rotary: RotaryEmbedding) -> Int {
        let origin = AnglesOrigin(frequencies: rotary.frequencies, scale: rotary.scale)
        if let existing = angles[origin] { return existing }
        let count = model.parameters[rotary.frequencies]?.elementCount ?? 0
        values.append(ProgramValue(kind: .floats, fixedRows: nil, columnCount: 2 * count))
        let output = values.count - 1
        instructions.append(
            .angles(
                output: output, frequencies: tensor(rotary.frequencies), factor: rotary.scale))
        angles[origin] = output
        return output
    }

    private struct CodesOrigin: Hashable {
        let value: Int
        let multipliers: String?
        let range: ClosedRange<Float>?
    }

    /// The codes of a value, made once however many products read them.
    private mutating func quantized(
        _ input: Int, multipliers: String?, range: ClosedRange<Float>?
    ) -> Int {
        let origin = CodesOrigin(value: input, multipliers: multipliers, range: range)
        if let existing = codes[origin] { return existing }
        values.append(
            ProgramValue(
                kind: .codes, fixedRows: values[input].fixedRows,
                columnCount: values[input].columnCount))
        let output = values.count - 1
        instructions.append(
            .quantize(
                input: input, output: output, multipliers: multipliers.map(tensor),
                range: range.map { CodeRange(low: $0.lowerBound, high: $0.upperBound) }))
        codes[origin] = output
        return output
    }

    private func value(_ id: ValueID) -> Int {
        guard let value = lowered[id] else {
            preconditionFailure("a validated graph is in execution order")
        }
        return value
    }

    private func tensor(_ name: String) -> Int {
        guard let index = tensorIndex[name] else {
            preconditionFailure("a validated graph names parameters of the model")
        }
        return index
    }

    private static func code(of activation: Activation) -> ActivationCode {
        switch activation {
        case .relu: .relu
        case .gelu: .gelu
        case .geluTanh: .geluTanh
        case .silu: .silu
        case .tanh: .tanh
        case .sigmoid: .sigmoid
        }
    }

    private static func code(of role: OutputRole) -> OutputCode {
        switch role {
        case .hiddenState: .hiddenState
        case .embedding: .embedding
        case .logits: .logits
        case .nextLogits: .nextLogits
        case .pooled: .pooled
        }
    }
}
