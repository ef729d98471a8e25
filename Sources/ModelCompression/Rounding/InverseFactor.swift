import Tensors

/// What second-order compensation needs of the inputs of a product: the factor U of the inverse of
/// their moments, H⁻¹ = Uᵀ · U with U upper triangular.
///
/// When weight i of a row is changed by δ and the weights before it are settled, the later ones make
/// up for it best by w[j] += δ / U[i,i] · U[i,j], and the output error grows by δ² / U[i,i]².
///
/// Source: Frantar et al. 2022 (arXiv 2210.17323), on Hassibi and Stork 1992.
struct InverseFactor {
    enum Order {
        /// Inputs with the largest moments first, while most others can make up for them.
        case byActivation
        /// As they are, so that neighbours stay neighbours.
        case natural
    }

    let size: Int
    /// Inputs in the order in which they are settled.
    let order: [Int]
    /// U, rows and columns in the order of `order`, `[size, size]`.
    let upper: [Float]

    /// - Parameters:
    ///   - moments: Σ x · xᵀ over the calibration rows.
    ///   - damping: Share of the mean diagonal that is added to it.
    /// - Returns: nil if the matrix stays singular.
    init?(moments: SymmetricMatrix, damping: Double = 0.01, order choice: Order) {
        size = moments.size
        let diagonal = moments.diagonal
        order =
            switch choice {
            case .natural: Array(diagonal.indices)
            case .byActivation:
                diagonal.indices.sorted { (diagonal[$1], $0) < (diagonal[$0], $1) }
            }
        var sorted = moments.selecting(order)
        // Inputs that are always zero count as independent of the others.
        for index in 0..<size where sorted[index, index] == 0 { sorted[index, index] = 1 }
        sorted.addToDiagonal(damping * moments.meanOfDiagonal)
        guard let inverse = CholeskyFactor(sorted)?.inverse,
            let factor = CholeskyFactor(inverse)?.lower
        else {
            return nil
        }
        // H⁻¹ = L · Lᵀ, and U is the transposed L.
        var upper = [Float](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in row..<size {
                upper[row * size + column] = Float(factor[column * size + row])
            }
        }
        self.upper = upper
    }

    /// U[i,i], for a place in the order.
    func pivot(_ index: Int) -> Float {
        upper[index * size + index]
    }

    /// Mean of 1 / U[i,i]²: what the square of an error of one weight costs at the output, after
    /// the others made up for it.
    var meanErrorCost: Double {
        guard size > 0 else { return 0 }
        var sum = 0.0
        for index in 0..<size {
            let pivot = Double(pivot(index))
            sum += 1 / (pivot * pivot)
        }
        return sum / Double(size)
    }
}
