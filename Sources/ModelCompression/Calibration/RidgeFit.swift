import Tensors

/// The linear map nearest to a wanted output, held near to a known one.
///
/// Of the maps y = W·x + b the one that makes
///
///     Σ ‖W·x + b − t‖² + λ · ‖W − W₀‖²   with λ = ridge · mean diagonal of Σ (x−x̄)(x−x̄)ᵀ
///
/// least over the calibration rows: W = (T + λ·W₀)·(S + λ·I)⁻¹ with the centred moments
/// S = Σ (x−x̄)(x−x̄)ᵀ and T = Σ (t−t̄)(x−x̄)ᵀ, and b = t̄ − W·x̄. Hoerl and Kennard 1970, with W₀ in
/// place of 0.
struct RidgeFit {
    /// `[outputs, inputs]`
    let weights: [Double]
    /// `[outputs]`
    let bias: [Double]

    /// - Parameters:
    ///   - moments: Σ x·xᵀ over `rowCount` rows.
    ///   - cross: Σ t·xᵀ, `[outputs, inputs]`.
    ///   - mean: x̄.
    ///   - targetMean: t̄, `[outputs]`.
    ///   - prior: W₀, `[outputs, inputs]`.
    /// - Returns: nil if the regularized moments are singular.
    init?(
        moments: SymmetricMatrix, cross: [Double], mean: [Double], targetMean: [Double],
        rowCount: Int, prior: [Double], ridge: Double
    ) {
        let (inputs, outputs, count) = (moments.size, targetMean.count, Double(rowCount))
        var centred = moments
        for row in 0..<inputs {
            for column in 0..<inputs {
                centred[row, column] -= count * mean[row] * mean[column]
            }
        }
        let lambda = ridge * max(centred.meanOfDiagonal, .leastNormalMagnitude)
        centred.addToDiagonal(lambda)
        guard let factor = CholeskyFactor(centred) else { return nil }
        var right = cross
        for row in 0..<outputs {
            for column in 0..<inputs {
                let index = row * inputs + column
                right[index] += lambda * prior[index] - count * targetMean[row] * mean[column]
            }
        }
        let weights = factor.solve(right)
        self.weights = weights
        bias = (0..<outputs).map { row in
            var bias = targetMean[row]
            for column in 0..<inputs { bias -= weights[row * inputs + column] * mean[column] }
            return bias
        }
    }
}
