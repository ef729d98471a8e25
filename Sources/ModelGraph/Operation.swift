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
    case lastRow
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
    /// One input, whose columns are a multiple of those of `gamma`.
    case rmsNormalization(RMSNormalization)
    /// One input `[tokens, heads · headSize]`.
    case rotary(RotaryEmbedding)
    /// One input.
    case activation(Activation)
    /// Two inputs of the same shape.
    case add
    /// Two inputs of the same shape, multiplied element by element, as in a gated feed-forward
    /// network.
    case multiply
    /// One input; each element times a constant.
    case scale(Float)
    /// One input; one row comes out.
    case pool(Pooling)
    /// One input; each row is divided by max(‖row‖₂, epsilon).
    case normalizeL2(epsilon: Float)
}
