import ModelGraph
import Tensors

/// The range that the codes of a value span, the same for all of its rows.
///
/// The device then need not look at a row before it quantizes it; in exchange, rows of little range
/// get coarse codes, and what lies outside is cut off. How much is worth cutting off is searched:
/// the ends are those whose products are nearest to the exact ones (the idea of clipping by mean
/// squared error, Banner et al. 2019, arXiv 1810.05723, with the error taken behind the weights).
enum StaticRange {
    /// Parts of the whole range that are tried.
    private static let factors: [Float] = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]

    /// From the smallest to the largest value, 0 between them; nil if codes cannot span that.
    static func whole(_ values: Tensor) -> ClosedRange<Float>? {
        var (low, high): (Float, Float) = (0, 0)
        for value in values.values {
            low = min(low, value)
            high = max(high, value)
        }
        return usable(low, high)
    }

    /// The range whose codes give the products nearest to those of the values.
    ///
    /// - Parameters:
    ///   - values: `[rows, inputs]`, multiplied as the device does it.
    ///   - weights: Of all products that read them, each `[outputs, inputs]`.
    /// - Returns: Nil if codes cannot span any range of the values.
    static func search(
        _ values: Tensor, weights: [Tensor]
    ) throws(TensorError) -> ClosedRange<Float>? {
        guard let whole = whole(values) else { return nil }
        var best = (error: Double.infinity, low: Float(1), high: Float(1))
        func attempt(_ low: Float, _ high: Float) throws(TensorError) {
            guard let range = usable(low * whole.lowerBound, high * whole.upperBound) else {
                return
            }
            let found = try error(of: range, values, weights)
            if found < best.error { best = (found, low, high) }
        }
        for factor in factors { try attempt(factor, factor) }
        // Then each end alone: the two sides of a value seldom have tails of the same kind.
        for factor in factors where factor != best.low { try attempt(factor, best.high) }
        for factor in factors where factor != best.high { try attempt(best.low, factor) }
        return usable(best.low * whole.lowerBound, best.high * whole.upperBound)
    }

    private static func error(
        of range: ClosedRange<Float>, _ values: Tensor, _ weights: [Tensor]
    ) throws(TensorError) -> Double {
        var difference = values.roundedToCodes(multipliers: nil, range: range)
        for index in difference.values.indices { difference.values[index] -= values.values[index] }
        var error = 0.0
        for weight in weights {
            let product = try MatrixProduct.linear(difference, weight: weight)
            error += product.meanSquare * Double(product.elementCount)
        }
        return error
    }

    private static func usable(_ low: Float, _ high: Float) -> ClosedRange<Float>? {
        let width = high - low
        return low <= 0 && high >= 0 && width >= 0x1p-100 && width.isFinite ? low...high : nil
    }
}
