import ModelGraph
import Tensors

/// Sums over the rows that flow into products: what layer-wise least squares needs of them.
///
/// x is a row of the input in the compressed model, as its products will see it, and x₀ the same row
/// in the original model.
struct InputMoments {
    let rowCount: Int
    /// Σ x · xᵀ, `[inputs, inputs]`.
    var second: SymmetricMatrix
    /// Σ x₀ · xᵀ, `[originalInputs, inputs]`; nil if the original is not asked for.
    var cross: [Double]?
    /// Mean of x.
    var mean: [Double]
    /// Mean of x₀.
    var originalMean: [Double]?

    /// - Parameters:
    ///   - input: `[rows, inputs]`
    ///   - original: `[rows, originalInputs]`
    ///   - rows: The rows that count.
    init(_ input: Tensor, original: Tensor? = nil, rows: Range<Int>) {
        let size = input.columnCount
        rowCount = rows.count
        second = SymmetricMatrix(size: size)
        mean = input.columnMeans(rows: rows)
        input.withRows(rows) { MatrixProduct.addMoments(ofRows: $0, to: &second) }
        guard let original else { return }
        originalMean = original.columnMeans(rows: rows)
        var product = [Double](repeating: 0, count: original.columnCount * size)
        original.withRows(rows) { outputs in
            input.withRows(rows) { inputs in
                MatrixProduct.addCrossMoments(
                    outputs: outputs, outputCount: original.columnCount, inputs: inputs,
                    inputCount: size, to: &product)
            }
        }
        cross = product
    }

    /// Σ (x−x̄)(x−x̄)ᵀ
    var centred: SymmetricMatrix {
        var centred = second
        let count = Double(rowCount)
        for row in 0..<centred.size {
            for column in 0..<centred.size {
                centred[row, column] -= count * mean[row] * mean[column]
            }
        }
        return centred
    }
}
