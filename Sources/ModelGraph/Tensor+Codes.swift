package import Tensors

extension Tensor {
    /// What the 8-bit codes stand for that the device makes of each row (formats/container.md,
    /// "Quantization of activations"), divided by the multipliers again.
    ///
    /// - Parameter multipliers: One per column, applied first; nil for ones.
    /// - Returns: A tensor of the same shape, still multiplied.
    package func roundedToCodes(multipliers: [Float]?) -> Tensor {
        var result = multipliers.map { multiplyingColumns(by: $0) } ?? self
        result.forEachRow { row in
            var (low, high): (Float, Float) = (0, 0)
            for value in row {
                low = min(low, value)
                high = max(high, value)
            }
            guard high > low else { return }
            let (scale, inverse) = ((high - low) / 255, 255 / (high - low))
            let zero = (-low * inverse).rounded(.toNearestOrEven)
            for column in 0..<row.count {
                let code = (row[column] * inverse).rounded(.toNearestOrEven) + zero
                row[column] = (max(0, min(255, code)) - zero) * scale
            }
        }
        return result
    }
}
