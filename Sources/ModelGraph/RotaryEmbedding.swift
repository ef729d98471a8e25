/// Turns pairs of columns of each head by angles that grow with the position of the token.
///
/// Su et al. 2021 (arXiv 2104.09864). With the angle a = position · frequency, a pair (x, y) becomes
/// scale · (x · cos a − y · sin a, y · cos a + x · sin a). Every way to stretch the context is a vector
/// of frequencies and a scale, which are computed when the model is built.
package struct RotaryEmbedding: Hashable, Sendable {
    /// Which columns of a head belong together, r of them being turned.
    package enum Pairing: String, Hashable, Sendable {
        /// Column d with d + r / 2, as Hugging Face stores them.
        case halves
        /// Column 2 · d with 2 · d + 1, as GPT-J has them.
        case adjacent
    }

    /// Parameter of shape `[r / 2]`, radians per position.
    ///
    /// Columns of a head from r on stay as they are.
    package var frequencies: String
    package var headSize: Int
    package var pairing: Pairing
    /// What sine and cosine are multiplied with, the attention factor of YaRN; else 1.
    ///
    /// Peng and others 2023 (arXiv 2309.00071).
    package var scale: Float

    package init(frequencies: String, headSize: Int, pairing: Pairing = .halves, scale: Float = 1) {
        self.frequencies = frequencies
        self.headSize = headSize
        self.pairing = pairing
        self.scale = scale
    }
}
