/// Divides each group of columns by its root mean square, then applies gamma:
/// x · 1 / √(mean(x²) + epsilon) · gamma.
///
/// Zhang and Sennrich 2019 (arXiv 1910.07467). A group has as many consecutive columns as `gamma`:
/// the whole row where a layer is normalized, one head where queries and keys are.
package struct RMSNormalization: Hashable, Sendable {
    /// Parameter of shape `[groupSize]`.
    package var gamma: String
    package var epsilon: Float

    package init(gamma: String, epsilon: Float) {
        self.gamma = gamma
        self.epsilon = epsilon
    }
}
