import Tensors

/// Weighted sums over the rows that flow into a product, and with those that should come out.
struct ProductMoments {
    /// Sum of the weights.
    private let total: Double
    /// x̄, weighted, `[inputs]`.
    let inputMean: [Double]
    /// t̄, weighted, `[outputs]`.
    let targetMean: [Double]
    /// S = Σ w · (x − x̄)(x − x̄)ᵀ, `[inputs, inputs]`.
    private(set) var second: SymmetricMatrix
    /// T = Σ w · (t − t̄)(x − x̄)ᵀ, `[outputs, inputs]`.
    private(set) var cross: [Double]

    /// - Parameters:
    ///   - input: x, `[rows, inputs]`
    ///   - target: t, `[rows, outputs]`
    ///   - rows: The rows that count.
    ///   - weights: One for each row of `input`; nil for ones.
    init(_ input: Tensor, target: Tensor, rows: Range<Int>, weights: [Float]?) {
        let moments = InputMoments(input, rows: rows, weights: weights)
        total = moments.total
        inputMean = moments.mean
        second = moments.second
        (cross, targetMean) = moments.cross(input, target: target)
    }

    /// The sums over the rows of both, which must not share any.
    ///
    /// Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
    init(_ first: ProductMoments, _ other: ProductMoments) {
        let sum = first.total + other.total
        let share = sum > 0 ? other.total / sum : 0
        func mixed(_ a: [Double], _ b: [Double]) -> [Double] {
            zip(a, b).map { $0 + share * ($1 - $0) }
        }
        total = sum
        inputMean = mixed(first.inputMean, other.inputMean)
        targetMean = mixed(first.targetMean, other.targetMean)
        let x = zip(first.inputMean, other.inputMean).map { $1 - $0 }
        let t = zip(first.targetMean, other.targetMean).map { $1 - $0 }
        let factor = first.total * share
        second = first.second
        cross = first.cross
        for row in x.indices {
            for column in x.indices {
                second.values[row * x.count + column] +=
                    other.second.values[row * x.count + column] + factor * x[row] * x[column]
            }
        }
        for row in t.indices {
            for column in x.indices {
                cross[row * x.count + column] +=
                    other.cross[row * x.count + column] + factor * t[row] * x[column]
            }
        }
    }

    /// S + Λ (`RidgeFit.penalties`).
    func regularized(ridge: Double) -> SymmetricMatrix {
        RidgeFit.regularized(second, ridge: ridge)
    }
}
