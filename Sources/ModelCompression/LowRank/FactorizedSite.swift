import ModelGraph
import Tensors

/// What flows into a product that is factorized, and what shall come out of it.
struct FactorizedSite {
    /// In the compressed model, `[rows, inputs]`.
    let input: Tensor
    /// In the original model.
    let original: Tensor
    /// Of the original model.
    let product: OriginalProduct
    let fitted: Range<Int>
    /// Rows on which factors are judged.
    private let judged: [Int]

    init(
        input: Tensor, original: Tensor, product: OriginalProduct, fitted: Range<Int>,
        heldOut: Range<Int>, judgedRows: Int
    ) {
        self.input = input
        self.original = original
        self.product = product
        self.fitted = fitted
        let rows = heldOut.isEmpty ? fitted : heldOut
        judged = Array(
            stride(from: rows.lowerBound, to: rows.upperBound, by: max(1, rows.count / judgedRows)))
    }

    /// What the original product makes of the judged rows.
    func target() throws(TensorError) -> Tensor {
        try MatrixProduct.linear(
            original.selectingRows(judged), weight: product.weight, bias: product.bias)
    }

    /// The mean of what the original product makes of the fitted rows.
    var meanOfTarget: [Double] {
        let (outputs, inputs) = (product.weight.shape[0], product.weight.shape[1])
        let mean = MatrixProduct.multiply(
            product.weight.values.map { Double($0) }, original.columnMeans(rows: fitted),
            rows: outputs, columns: 1, depth: inputs)
        return mean.enumerated().map { $1 + Double(product.bias?.values[$0] ?? 0) }
    }

    /// Σ (y − y₀)² of a product on the judged rows.
    func error(of weight: Tensor, bias: Tensor?, _ target: Tensor) throws(TensorError) -> Double {
        try MatrixProduct.linear(input.selectingRows(judged), weight: weight, bias: bias)
            .squaredDistance(to: target)
    }

    /// The same of two factors.
    func error(
        of outer: Tensor, _ inner: Tensor, bias: Tensor?, _ target: Tensor
    ) throws(TensorError) -> Double {
        let down = try MatrixProduct.linear(input.selectingRows(judged), weight: inner)
        return try MatrixProduct.linear(down, weight: outer, bias: bias)
            .squaredDistance(to: target)
    }
}

extension Tensor {
    /// Σ (x − mean of its column)².
    var energyOfDeviations: Double {
        let means = columnMeans(rows: 0..<rowCount)
        var energy = 0.0
        for start in stride(from: 0, to: values.count, by: max(1, means.count)) {
            for (column, mean) in means.enumerated() {
                let deviation = Double(values[start + column]) - mean
                energy += deviation * deviation
            }
        }
        return energy
    }
}
