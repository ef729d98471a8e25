import Glibc
import ModelGraph
import Tensors

/// Moves range from the activations to the weights before both are quantized.
///
/// Input j is divided by s[j] while it is quantized, and column j of the weights is multiplied by
/// it:
///
///     s[j] = max|x[j]|^α / max|w[·,j]|^(1−α)
///
/// Source: Xiao et al. 2023 (arXiv 2211.10438). They divide the output of the normalization before,
/// which in post-norm models also feeds the residual connection; here the division is part of
/// quantizing, so it is right everywhere.
struct Smoothing {
    static let exponents: [Float] = [0, 0.3, 0.4, 0.5, 0.6, 0.7]
    /// Rows on which exponents are tried.
    private static let rowCount = 512

    /// s, one per input; nil for ones.
    let divisors: [Float]?
    let exponent: Float

    static let none = Smoothing(divisors: nil, exponent: 0)

    private init(divisors: [Float]?, exponent: Float) {
        self.divisors = divisors
        self.exponent = exponent
    }

    /// Smoothing with a given exponent; 0 is none.
    init(
        exponent: Float, input: Tensor, rows: Range<Int>, weights: [Tensor]
    ) {
        self.exponent = exponent
        guard exponent > 0 else {
            divisors = nil
            return
        }
        let activations = input.columnMaxima(rows: rows)
        var largest = [Float](repeating: 0, count: input.columnCount)
        for weight in weights {
            let maxima = weight.columnMaxima(rows: 0..<weight.rowCount)
            for index in largest.indices { largest[index] = max(largest[index], maxima[index]) }
        }
        // A channel that is never used keeps what it has.
        var divisors = zip(activations, largest).map { activation, weight -> Float in
            guard activation > 0, weight > 0 else { return 1 }
            return powf(max(activation, 1e-5), exponent) / powf(max(weight, 1e-5), 1 - exponent)
        }
        // The common factor is free; it is chosen to keep the numbers near 1.
        let mean = divisors.reduce(0) { $0 + logf($1) } / Float(max(1, divisors.count))
        for index in divisors.indices { divisors[index] /= expf(mean) }
        self.divisors = divisors
    }

    /// Rows enough to judge codes by, evenly from all.
    static func sample(of input: Tensor, _ rows: Range<Int>) -> Tensor {
        let step = max(1, rows.count / rowCount)
        return input.selectingRows(
            Array(stride(from: rows.lowerBound, to: rows.upperBound, by: step)))
    }

    /// The exponent of `exponents` for which the product of nearest codes is nearest to the exact
    /// one, on some of the rows.
    ///
    /// - Parameter isStatic: Whether the codes of all rows span one range.
    static func search(
        input: Tensor, rows: Range<Int>, weights: [Tensor], grid: (Tensor) -> CodeGrid,
        isStatic: Bool
    ) throws(TensorError) -> Smoothing {
        let sample = sample(of: input, rows)
        var exact: [Tensor] = []
        for weight in weights { exact.append(try MatrixProduct.linear(sample, weight: weight)) }
        var best = (error: Double.infinity, smoothing: Smoothing.none)
        for exponent in exponents {
            let smoothing = Smoothing(
                exponent: exponent, input: input, rows: rows, weights: weights)
            let multiplied = smoothing.multipliers.map { sample.multiplyingColumns(by: $0) }
            let codes = (multiplied ?? sample).roundedToCodes(
                multipliers: nil, range: isStatic ? StaticRange.whole(multiplied ?? sample) : nil)
            var error = 0.0
            for (weight, exact) in zip(weights, exact) {
                let smoothed = smoothing.apply(to: weight)
                let grid = grid(smoothed)
                let rounded = grid.rows(
                    grid.nearestCodes(smoothed.values, columnCount: weight.columnCount)
                ).dequantized
                let found = try MatrixProduct.linear(codes, weight: rounded)
                error += exact.squaredDistance(to: found)
            }
            if error < best.error { best = (error, smoothing) }
        }
        return best.smoothing
    }

    /// What the device multiplies the input with.
    var multipliers: [Float]? {
        divisors.map { $0.map { 1 / $0 } }
    }

    /// The weights `[outputs, inputs]` for inputs that were multiplied.
    func apply(to weight: Tensor) -> Tensor {
        guard let divisors else { return weight }
        var smoothed = weight
        for row in 0..<weight.rowCount {
            for (column, divisor) in divisors.enumerated() {
                smoothed.values[row * divisors.count + column] *= divisor
            }
        }
        return smoothed
    }
}
