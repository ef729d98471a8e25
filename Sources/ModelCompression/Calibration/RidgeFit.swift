import Tensors

/// The linear map nearest to a wanted output, held near to a known one.
///
/// Of the maps y = W · x + b the one that makes
///
///     Σ w · ‖W·x + b − t‖² + Σ λ[j] · ‖W[·,j] − W₀[·,j]‖²
///
/// least over the calibration rows: W = (T + W₀·Λ)·(S + Λ)⁻¹ with the centred moments
/// S = Σ w·(x−x̄)(x−x̄)ᵀ and T = Σ w·(t−t̄)(x−x̄)ᵀ, and b = t̄ − W·x̄. Hoerl and Kennard 1970, with W₀ in
/// the place of 0.
struct RidgeFit {
    /// W, `[outputs, inputs]`.
    let weights: [Double]

    /// - Parameters:
    ///   - moments: S.
    ///   - cross: T, `[outputs, inputs]`.
    ///   - prior: W₀, `[outputs, inputs]`.
    ///   - ridge: Λ in parts of what `penalties` says.
    /// - Returns: nil if the regularized moments are singular.
    init?(moments: SymmetricMatrix, cross: [Double], prior: [Double], ridge: Double) {
        guard let factor = CholeskyFactor(Self.regularized(moments, ridge: ridge)) else {
            return nil
        }
        let penalties = Self.penalties(moments, ridge: ridge)
        var right = cross
        for index in right.indices {
            right[index] += prior[index] * penalties[index % penalties.count]
        }
        weights = factor.solve(right)
    }

    /// Λ: each input's own second moment times `ridge`, and a hundredth of the median for those that
    /// hardly vary.
    ///
    /// Inputs with large moments, as outliers are, so do not stiffen the others.
    static func penalties(_ moments: SymmetricMatrix, ridge: Double) -> [Double] {
        let diagonal = moments.diagonal
        let median = diagonal.isEmpty ? 0 : diagonal.sorted()[diagonal.count / 2]
        return diagonal.map { ridge * ($0 + 0.01 * median) + .leastNormalMagnitude }
    }

    /// S + Λ.
    static func regularized(_ moments: SymmetricMatrix, ridge: Double) -> SymmetricMatrix {
        var regularized = moments
        for (index, penalty) in penalties(moments, ridge: ridge).enumerated() {
            regularized[index, index] += penalty
        }
        return regularized
    }

    /// b = t̄ − W · x̄ for weights `[outputs, inputs]`.
    static func bias(_ weights: [Double], mean: [Double], targetMean: [Double]) -> [Double] {
        targetMean.enumerated().map { row, target in
            var bias = target
            for column in mean.indices { bias -= weights[row * mean.count + column] * mean[column] }
            return bias
        }
    }
}
