import Tensors

/// The singular values of an embedding table, and the best factors of any rank.
///
/// The table T, `[rows, columns]`, is long and thin, so its right vectors come from TᵀT = V·Σ²·Vᵀ,
/// which is summed up over blocks of rows: T ≈ A·B with A = T·V·Σ^−½ and B = Σ^½·Vᵀ, cut after r
/// values. Of all factors of rank r these lose least of the table, Σ σᵢ² over i > r, whatever rows
/// are asked for how often (Eckart and Young 1936).
struct TableDecomposition {
    let columns: Int
    /// The matrix V, `[columns, columns]`.
    private let right: [Double]
    /// In descending order.
    let values: [Double]

    /// - Parameter moments: TᵀT.
    /// - Returns: nil if the iteration does not converge.
    init?(moments: SymmetricMatrix) {
        columns = moments.size
        guard
            let singular = SingularValues(moments.values, rows: columns, columns: columns)
        else { return nil }
        right = singular.left
        values = singular.values.map { $0.squareRoot() }
    }

    /// What is lost behind some rank: Σ σᵢ² over i > rank.
    func lostEnergy(rank: Int) -> Double {
        values.dropFirst(rank).reduce(0) { $0 + $1 * $1 }
    }

    /// Σ σᵢ² over all i.
    var energy: Double { values.reduce(0) { $0 + $1 * $1 } }

    /// The two matrices that the factors are made of.
    ///
    /// - Returns: (V·Σ^−½)ᵀ, `[rank, columns]`, whose product with the rows of the table gives those
    ///   of A; and Bᵀ = V·Σ^½, `[columns, rank]`, the weight of the product that follows the lookup.
    func factors(rank: Int) -> (projection: Tensor, weight: Tensor) {
        var projection = [Float](repeating: 0, count: rank * columns)
        var weight = [Float](repeating: 0, count: columns * rank)
        for index in 0..<rank where values[index] > 0 {
            let root = values[index].squareRoot()
            for column in 0..<columns {
                let value = right[column * columns + index]
                projection[index * columns + column] = Float(value / root)
                weight[column * rank + index] = Float(value * root)
            }
        }
        return (
            Tensor(shape: [rank, columns], values: projection),
            Tensor(shape: [columns, rank], values: weight)
        )
    }
}
