/// Operations of the program.
///
/// The numbers are part of the format.
package enum Opcode: UInt16, Sendable, CaseIterable {
    case embed = 1
    case linear = 2
    case attention = 3
    case layerNorm = 4
    case activate = 5
    case add = 6
    case pool = 7
    case normalizeL2 = 8
    case quantize = 9
    case angles = 10
    case rotate = 11
    case rmsNorm = 12
    case multiply = 13
    case scale = 14
}

/// What the rows of an embedding table are selected by.
package enum EmbedIndex: UInt32, Sendable {
    case tokenIDs = 0
    case typeIDs = 1
    case positions = 2
    /// Token ids of which some have a row (`EmbedTerm.keptTokens`).
    case keptTokens = 3
}

/// An element-wise function; the numbers are also those of `edgek_activation`.
package enum ActivationCode: UInt32, Sendable {
    case none = 0
    case relu = 1
    case gelu = 2
    case geluTanh = 3
    case silu = 4
    case tanh = 5
    case sigmoid = 6
}

/// How the rows of a sequence become one.
package enum PoolCode: UInt32, Sendable {
    case firstRow = 0
    case mean = 1
    case maximum = 2
    case lastRow = 3
}

/// Which columns of a head are turned together.
package enum RotaryPairing: UInt32, Sendable {
    /// Column i with column i + number of angles.
    case halves = 0
    /// Column 2i with column 2i + 1.
    case adjacent = 1
}

/// Arithmetic of an attention instruction.
package enum AttentionArithmetic: UInt32, Sendable {
    case float = 0
    /// Quantized queries, keys, probabilities and values.
    case int8 = 1
}

/// One table of an embedding sum.
package struct EmbedTerm: Equatable, Sendable {
    package var table: Int
    package var index: EmbedIndex
    /// Added to the index; for kept tokens, the row of all others.
    package var offset: Int
    /// The tensor that says which tokens have a row, one bit each; only for kept tokens.
    package var keptTokens: Int?

    package init(table: Int, index: EmbedIndex, offset: Int, keptTokens: Int? = nil) {
        self.table = table
        self.index = index
        self.offset = offset
        self.keptTokens = keptTokens
    }
}

/// The attributes of an attention instruction.
package struct AttentionShape: Equatable, Sendable {
    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headSize: Int
    package var valueSize: Int
    package var scale: Float
    package var isCausal: Bool
    package var arithmetic: AttentionArithmetic
    /// The most keys that a query sees, the one at its own place the last; nil for no limit.
    package var window: Int?
    /// A score x becomes cap · tanh(x / cap); nil leaves it.
    package var scoreCap: Float?
    /// The tensor of one slope for each head, ALiBi's; nil for none.
    package var slopes: Int?

    package init(
        headCount: Int, keyValueHeadCount: Int, headSize: Int, valueSize: Int, scale: Float,
        isCausal: Bool, arithmetic: AttentionArithmetic, window: Int? = nil,
        scoreCap: Float? = nil, slopes: Int? = nil
    ) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize
        self.valueSize = valueSize
        self.scale = scale
        self.isCausal = isCausal
        self.arithmetic = arithmetic
        self.window = window
        self.scoreCap = scoreCap
        self.slopes = slopes
    }
}

/// The numbers that codes span, the same for all rows: low ≤ 0 ≤ high.
package struct CodeRange: Equatable, Sendable {
    package var low: Float
    package var high: Float

    package init(low: Float, high: Float) {
        self.low = low
        self.high = high
    }
}

/// One step of the program.
///
/// Integers index the tables of values (`input`, `output`, …) and of
/// tensors (`weight`, `gamma`, …).
package enum Instruction: Equatable, Sendable {
    /// Sum of table rows for each token, in the order of the terms.
    case embed(output: Int, terms: [EmbedTerm])
    /// act(input · weightᵀ + bias) (+ residual). `input` holds codes exactly when `weight` is
    /// quantized by rows, floats otherwise.
    case linear(
        input: Int, residual: Int?, output: Int, weight: Int, bias: Int?,
        activation: ActivationCode)
    case attention(query: Int, key: Int, value: Int, output: Int, shape: AttentionShape)
    /// Layer normalization of input (+ residual).
    case layerNorm(
        input: Int, residual: Int?, output: Int, gamma: Int, beta: Int?, epsilon: Float)
    case activate(input: Int, output: Int, activation: ActivationCode)
    case add(left: Int, right: Int, output: Int)
    case pool(input: Int, output: Int, pooling: PoolCode)
    case normalizeL2(input: Int, output: Int, epsilon: Float)
    /// Floats to codes, each row multiplied by `multipliers` first if they are given. The codes
    /// span `range`, or the range of each row if there is none.
    case quantize(input: Int, output: Int, multipliers: Int?, range: CodeRange?)
    /// Cosines and sines of position · frequency, each times `factor`, for each token.
    case angles(output: Int, frequencies: Int, factor: Float)
    /// Heads of `headSize` columns turned by the angles of their tokens.
    case rotate(input: Int, angles: Int, output: Int, headSize: Int, pairing: RotaryPairing)
    /// Root mean square normalization of groups of as many columns as gamma has elements.
    case rmsNorm(input: Int, output: Int, gamma: Int, epsilon: Float)
    case multiply(left: Int, right: Int, output: Int)
    case scale(input: Int, output: Int, factor: Float)

    package var opcode: Opcode {
        switch self {
        case .embed: .embed
        case .linear: .linear
        case .attention: .attention
        case .layerNorm: .layerNorm
        case .activate: .activate
        case .add: .add
        case .pool: .pool
        case .normalizeL2: .normalizeL2
        case .quantize: .quantize
        case .angles: .angles
        case .rotate: .rotate
        case .rmsNorm: .rmsNorm
        case .multiply: .multiply
        case .scale: .scale
        }
    }

    /// Values that the instruction reads.
    package var inputs: [Int] {
        switch self {
        case .embed: []
        case .linear(let input, let residual, _, _, _, _): [input] + (residual.map { [$0] } ?? [])
        case .attention(let query, let key, let value, _, _): [query, key, value]
        case .layerNorm(let input, let residual, _, _, _, _):
            [input] + (residual.map { [$0] } ?? [])
        case .activate(let input, _, _): [input]
        case .add(let left, let right, _): [left, right]
        case .pool(let input, _, _): [input]
        case .normalizeL2(let input, _, _): [input]
        case .quantize(let input, _, _, _): [input]
        case .angles: []
        case .rotate(let input, let angles, _, _, _): [input, angles]
        case .rmsNorm(let input, _, _, _): [input]
        case .multiply(let left, let right, _): [left, right]
        case .scale(let input, _, _): [input]
        }
    }

    /// The value that the instruction writes.
    package var output: Int {
        switch self {
        case .embed(let output, _): output
        case .linear(_, _, let output, _, _, _): output
        case .attention(_, _, _, let output, _): output
        case .layerNorm(_, _, let output, _, _, _): output
        case .activate(_, let output, _): output
        case .add(_, _, let output): output
        case .pool(_, let output, _): output
        case .normalizeL2(_, let output, _): output
        case .quantize(_, let output, _, _): output
        case .angles(let output, _, _): output
        case .rotate(_, _, let output, _, _): output
        case .rmsNorm(_, let output, _, _): output
        case .multiply(_, _, let output): output
        case .scale(_, let output, _): output
        }
    }
}
