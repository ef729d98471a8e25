package import Tensors

extension Tensor {
    /// What the 8-bit codes stand for that the device makes of each row (formats/container.md,
    /// "quantize").
    ///
    /// - Parameters:
    ///   - multipliers: One per column, applied first; nil for ones.
    ///   - range: What the codes of all rows span; nil for the range of each row.
    /// - Returns: A tensor of the same shape, still multiplied.
    package func roundedToCodes(
        multipliers: [Float]?, range: ClosedRange<Float>? = nil
    ) -> Tensor {
        mappedRows { _, row in
            if let multipliers {
                for column in 0..<row.count { row[column] *= multipliers[column] }
            }
            var (low, high) = (range?.lowerBound ?? 0, range?.upperBound ?? 0)
            if range == nil {
                for value in row {
                    low = min(low, value)
                    high = max(high, value)
                }
            }
            guard high - low >= 0x1p-100 else {
                row.update(repeating: 0)
                return
            }
            let (scale, inverse) = ((high - low) / 255, 255 / (high - low))
            let zero = (-low * inverse).rounded(.toNearestOrEven)
            for column in 0..<row.count {
                let value = max(low, min(high, row[column]))
                let code = (value * inverse).rounded(.toNearestOrEven) + zero
                row[column] = (max(0, min(255, code)) - zero) * scale
            }
        }
    }
}
