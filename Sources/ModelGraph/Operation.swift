/// An element-wise function.
package enum Activation: String, Hashable, Sendable, CaseIterable {
    case relu
    /// x · ½ · (1 + erf(x / √2))
    case gelu
    /// ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))
    case geluTanh
    case silu
    case tanh
    case sigmoid
}

/// What the rows of an embedding table are indexed by.
package enum EmbeddingIndex: Hashable, Sendable {
    case tokenIDs
    case typeIDs
    /// The position of the token in the sequence, starting at `offset`.
    case positions(offset: Int)
}

/// One table of an embedding sum.
package struct EmbeddingTerm: Hashable, Sendable {
    /// Parameter of shape `[rows, columns]`.
    package var table: String
    package var index: EmbeddingIndex

    package init(table: String, index: EmbeddingIndex) {
        self.table = table
        self.index = index
    }
}

/// y = (x · diag(inputMultipliers)) · weightᵀ + bias.
package struct Linear: Hashable, Sendable {
    /// Parameter of shape `[outputs, inputs]`.
    package var weight: String
    /// Parameter of shape `[outputs]`.
    package var bias: String?
    /// Parameter of shape `[inputs]`: what the device multiplies the columns of the input with
    /// before it quantizes them.
    ///
    /// Only for quantized weights, whose columns are divided by it.
    package var inputMultipliers: String?
    /// What the codes of the input span, multiplied; nil for the range of each row.
    ///
    /// Only for quantized weights.
    package var inputRange: ClosedRange<Float>?

    package init(
        weight: String, bias: String?, inputMultipliers: String? = nil,
        inputRange: ClosedRange<Float>? = nil
    ) {
        self.weight = weight
        self.bias = bias
        self.inputMultipliers = inputMultipliers
        self.inputRange = inputRange
    }
}

/// Multi-head scaled dot-product attention over inputs query, key, value.
///
/// Vaswani et al. 2017.
///
/// Query: `[queries, headCount · headSize]`; key: `[keys, keyValueHeadCount · headSize]`;
/// value: `[keys, keyValueHeadCount · valueSize]`; result: `[queries, headCount · valueSize]`.
package struct Attention: Hashable, Sendable {
    package enum Mask: Hashable, Sendable {
        case none
        case causal
    }

    /// How the device computes it; the reference executor always uses floats.
    package enum Arithmetic: Hashable, Sendable {
        case float
        case int8
    }

    package var headCount: Int
    package var keyValueHeadCount: Int
    package var headSize: Int
    package var valueSize: Int
    package var scale: Float
    package var mask: Mask
    package var arithmetic = Arithmetic.float

    package init(
        headCount: Int, keyValueHeadCount: Int, headSize: Int, valueSize: Int, scale: Float,
        mask: Mask
    ) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize
        self.valueSize = valueSize
        self.scale = scale
        self.mask = mask
    }
}

/// Normalizes each row to mean 0 and variance 1, then applies gamma and beta.
///
/// Ba et al. 2016.
package struct LayerNormalization: Hashable, Sendable {
    /// Parameter of shape `[columns]`.
    package var gamma: String
    /// Parameter of shape `[columns]`.
    package var beta: String?
    package var epsilon: Float

    package init(gamma: String, beta: String?, epsilon: Float) {
        self.gamma = gamma
        self.beta = beta
        self.epsilon = epsilon
    }
}

/// How the rows of a sequence become one.
package enum Pooling: String, Hashable, Sendable {
    case firstRow
    case mean
    case maximum
}

/// What a node computes from its inputs.
package enum Operation: Hashable, Sendable {
    /// No input; the sum of the rows that the tables give for each token, in this order.
    case embedding([EmbeddingTerm])
    /// One input.
    case linear(Linear)
    /// Inputs query, key, value.
    case attention(Attention)
    /// One input.
    case layerNormalization(LayerNormalization)
    /// One input.
    case activation(Activation)
    /// Two inputs of the same shape.
    case add
    /// One input; one row comes out.
    case pool(Pooling)
    /// One input; each row is divided by max(‖row‖₂, epsilon).
    case normalizeL2(epsilon: Float)
}
