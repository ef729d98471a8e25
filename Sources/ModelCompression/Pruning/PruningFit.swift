import Tensors

/// What the products of a site share when they are pruned.
struct PruningFit {
    let moments: InputMoments
    let refit: MaskedRefit?
    private let sparseGPT: SparseGPT?
    /// One for each row of the site; nil for ones.
    private let weights: [Float]?

    /// - Parameter weights: How much each row of the site counts; nil for all alike.
    init(_ rows: SiteRows, weights: [Float]?, _ options: PruneWeights) {
        self.weights = weights
        moments = InputMoments(rows.codes, rows: rows.fitted, weights: weights)
        sparseGPT =
            options.method == .sparsegpt
            ? SparseGPT(moments: moments.second, pattern: options.pattern) : nil
        refit =
            options.refit > 0 ? MaskedRefit(moments: moments.second, ridge: options.refit) : nil
    }

    /// What a method leaves of a weight, `[outputs, inputs]`; nil where it cannot work.
    func pruned(
        _ weight: Tensor, _ method: PruneWeights.Method, _ pattern: SparsityPattern,
        sparsity: Double
    ) -> [Float]? {
        switch method {
        case .magnitude:
            PruneWeights.magnitude(weight, pattern, sparsity: sparsity)
        case .wanda:
            PruneWeights.wanda(weight, squares: squares, pattern, sparsity: sparsity)
        case .sparsegpt:
            sparseGPT?.pruned(weight.values, sparsity: sparsity)
        }
    }

    /// Σ w · x[j]², about zero and not about the mean.
    private var squares: [Double] {
        zip(moments.second.diagonal, moments.mean).map { $0 + moments.total * $1 * $1 }
    }

    /// Σ w · ‖y − t‖² over the judged rows.
    func judgedDistance(_ target: Tensor, _ output: Tensor, _ rows: SiteRows) -> Double {
        guard let weights else { return target.squaredDistance(to: output) }
        var sum = 0.0
        for (place, row) in rows.judged.enumerated() {
            var distance = 0.0
            for column in 0..<target.columnCount {
                let index = place * target.columnCount + column
                let difference = Double(target.values[index]) - Double(output.values[index])
                distance += difference * difference
            }
            sum += Double(weights[row]) * distance
        }
        return sum
    }

    /// Σ w · ‖t − t̄‖² over the judged rows.
    func judgedVariance(_ target: Tensor, _ rows: SiteRows) -> Double {
        guard weights != nil else { return target.varianceSum }
        let means = target.columnMeans(rows: 0..<target.rowCount)
        let mean = Tensor(
            shape: target.shape,
            values: target.values.indices.map { Float(means[$0 % means.count]) })
        return judgedDistance(target, mean, rows)
    }
}
