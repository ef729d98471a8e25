/// Multi-head scaled dot-product attention over inputs query, key, value.
///
/// Vaswani et al. 2017.
///
/// Query: `[queries, headCount · headSize]`; key: `[keys, keyValueHeadCount · headSize]`;
/// value: `[keys, keyValueHeadCount · valueSize]`; result: `[queries, headCount · valueSize]`.
///
/// The score of query i and key j, both counted from the first token of the sequence, is
/// scale · qᵢ · kⱼ, capped if there is a cap, plus slope · (j − i) if there are slopes. The last
/// query stands at the place of the last key.
package struct Attention: Hashable, Sendable {
    package enum Mask: Hashable, Sendable {
        case none
        /// Query i sees the keys j ≤ i.
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
    /// How many keys a query sees at most, its own included; nil for all.
    ///
    /// Query i sees the keys with i − window < j ≤ i. Only with a causal mask.
    package var window: Int?
    /// Parameter of shape `[headCount]`: what a key loses for each place that it lies back.
    ///
    /// Press et al. 2022 (ALiBi, arXiv 2108.12409).
    package var slopes: String?
    /// A score s becomes cap · tanh(s / cap), before slopes and mask.
    ///
    /// Gemma Team 2024 (Gemma 2, arXiv 2408.00118).
    package var scoreCap: Float?

    package init(
        headCount: Int, keyValueHeadCount: Int, headSize: Int, valueSize: Int, scale: Float,
        mask: Mask, window: Int? = nil, slopes: String? = nil, scoreCap: Float? = nil
    ) {
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize
        self.valueSize = valueSize
        self.scale = scale
        self.mask = mask
        self.window = window
        self.slopes = slopes
        self.scoreCap = scoreCap
    }
}
