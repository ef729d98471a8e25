import Tensors

/// The singular values of a product on the inputs that it really gets, and the best factors of any
/// rank.
///
/// With the moments C = Σ x·xᵀ = L·Lᵀ of the input, Σ ‖(W − A·B)·x‖² = ‖(W − A·B)·L‖². So the
/// decomposition W·L = U·Σ·Vᵀ, cut after r values, gives the factors that lose least of the output,
/// and they lose exactly
///
///     Σ ‖(W − A·B)·x‖² = Σ σᵢ² over i > r
///
/// Both factors get the square roots of the singular values: A = U·Σ^½ and B = Σ^½·Vᵀ·L⁻¹, which is
/// Σ^−½·Uᵀ·W, so L is never inverted. Wang et al. 2024, "SVD-LLM: truncation-aware singular value
/// decomposition for large language model compression".
struct WhitenedDecomposition {
    let outputs: Int
    let inputs: Int
    private let weights: [Double]
    /// The matrix U, `[outputs, values.count]`.
    private let left: [Double]
    /// In descending order.
    let values: [Double]

    /// - Parameters:
    ///   - weights: W, `[outputs, inputs]`.
    ///   - moments: C, `[inputs, inputs]`.
    /// - Returns: nil if the moments are not positive definite.
    init?(_ weights: [Double], outputs: Int, inputs: Int, moments: SymmetricMatrix) {
        guard let factor = CholeskyFactor(moments) else { return nil }
        let whitened = MatrixProduct.multiply(
            weights, factor.lower, rows: outputs, columns: inputs, depth: inputs)
        guard let singular = SingularValues(whitened, rows: outputs, columns: inputs) else {
            return nil
        }
        self.outputs = outputs
        self.inputs = inputs
        self.weights = weights
        left = singular.left
        values = singular.values
    }

    /// Σ σᵢ² over all i.
    var energy: Double { values.reduce(0) { $0 + $1 * $1 } }

    /// What is lost behind some rank: Σ σᵢ² over i > rank.
    func lostEnergy(rank: Int) -> Double {
        values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
    }

    /// The least rank, at least 1, that keeps a share of the energy.
    func rank(keeping share: Double) -> Int {
        let bound = (1 - share) * energy
        var lost = 0.0
        for rank in stride(from: values.count, to: 1, by: -1) {
            lost += values[rank - 1] * values[rank - 1]
            if lost > bound { return rank }
        }
        return 1
    }

    /// The two factors.
    ///
    /// - Returns: A, `[outputs, rank]`, and B, `[rank, inputs]`.
    func factors(rank: Int) -> (outer: [Double], inner: [Double]) {
        let all = values.count
        var outer = [Double](repeating: 0, count: outputs * rank)
        var projection = [Double](repeating: 0, count: rank * outputs)
        for index in 0..<rank where values[index] > 0 {
            let root = values[index].squareRoot()
            for output in 0..<outputs {
                outer[output * rank + index] = left[output * all + index] * root
                projection[index * outputs + output] = left[output * all + index] / root
            }
        }
        let inner = MatrixProduct.multiply(
            projection, weights, rows: rank, columns: inputs, depth: outputs)
        return (outer, inner)
    }
}
