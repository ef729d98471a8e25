import ModelGraph
import Tensors

/// One product on its way to fewer weights, judged on held-out rows against the original model.
struct PrunedProduct {
    /// `[outputs, inputs]`
    let weight: Tensor
    let bias: Tensor?
    /// Of the original model.
    let original: OriginalProduct
    let rows: SiteRows
    let fit: PruningFit
    /// What the output is added to, if it is.
    let residual: Residual?

    struct Choice {
        let method: PruneWeights.Method
        let isRefitted: Bool
        let weight: Tensor
        /// Nil where it stays as it was.
        let bias: Tensor?
        let output: OutputChange
    }

    /// The weights that `options.method` leaves, or magnitude's where those are better.
    func pruned(
        _ options: PruneWeights, sparsity: Double, name: String
    ) throws(CompressionError) -> Choice {
        do {
            return try choose(options, sparsity: sparsity, name: name)
        } catch {
            throw .model(.tensor(node: name, error))
        }
    }

    private func choose(
        _ options: PruneWeights, sparsity: Double, name: String
    ) throws(TensorError) -> Choice {
        var target = try MatrixProduct.linear(
            rows.original.selectingRows(rows.judged), weight: original.weight,
            bias: original.bias)
        var whole = target
        if let residual {
            target.add(residual.difference.selectingRows(rows.judged))
            whole.add(residual.original.selectingRows(rows.judged))
        }
        let input = rows.input.selectingRows(rows.judged)
        let before = try MatrixProduct.linear(input, weight: weight, bias: bias)
            .squaredDistance(to: target)
        let signal = Self.variance(of: whole)
        var best: Choice?
        func consider(
            _ candidate: Tensor, _ method: PruneWeights.Method, isRefitted: Bool
        ) throws(TensorError) {
            let corrected = options.correctsBias ? self.corrected(for: candidate) : nil
            let error = try MatrixProduct.linear(
                input, weight: candidate, bias: corrected ?? bias
            ).squaredDistance(to: target)
            if let best, best.output.errorAfter <= error { return }
            best = Choice(
                method: method, isRefitted: isRefitted, weight: candidate, bias: corrected,
                output: OutputChange(
                    name: name, signalEnergy: signal, errorBefore: before, errorAfter: error))
        }
        let methods =
            options.method == .magnitude ? [.magnitude] : [.magnitude, options.method]
        for method in methods {
            guard let values = fit.pruned(weight, method, options.pattern, sparsity: sparsity)
            else { continue }
            let candidate = Tensor(shape: weight.shape, values: values)
            try consider(candidate, method, isRefitted: false)
            guard let refit = fit.refit, method == options.method else { continue }
            let refitted = refit.refitted(values, targets: targets)
            try consider(
                Tensor(shape: weight.shape, values: refitted), method, isRefitted: true)
        }
        guard let best else { preconditionFailure("magnitude always finds a candidate") }
        return best
    }

    /// T = Σ (t−t̄)(x−x̄)ᵀ over the fitted rows, `[outputs, inputs]`, for the output t with which the
    /// original model is met: its own, and what the residual connection lacks.
    private var targets: [Double] {
        guard let cross = fit.moments.cross else { return [] }
        let (outputs, inputs) = (weight.rowCount, weight.columnCount)
        let originals = original.weight.columnCount
        let first = original.weight.values.map { Double($0) }
        var targets = MatrixProduct.multiply(
            first, cross, rows: outputs, columns: inputs, depth: originals)
        let means = MatrixProduct.multiply(
            first, fit.originalMean, rows: outputs, columns: 1, depth: originals)
        if let residual { residual.addCrossMoments(to: &targets, rows) }
        let count = Double(fit.moments.rowCount)
        let shifts = residual?.means(rows.fitted)
        for row in 0..<outputs {
            for column in 0..<inputs {
                targets[row * inputs + column] -= count * (means[row] + (shifts?[row] ?? 0)) * fit.moments.mean[column]
            }
        }
        return targets
    }

    /// The bias with which the mean of each output over the fitted rows is the original one:
    /// W₀·x̄₀ + b₀ − Ŵ·x̄, and what the residual connection lacks.
    private func corrected(for candidate: Tensor) -> Tensor {
        let shifts = residual?.means(rows.fitted)
        let (inputs, originals) = (weight.columnCount, original.weight.columnCount)
        let values = (0..<weight.rowCount).map { row in
            var mean = Double(original.bias?.values[row] ?? 0) + (shifts?[row] ?? 0)
            for column in 0..<originals {
                mean +=
                    Double(original.weight.values[row * originals + column])
                    * fit.originalMean[column]
            }
            for column in 0..<inputs {
                mean -=
                    Double(candidate.values[row * inputs + column]) * fit.moments.mean[column]
            }
            return Float(mean)
        }
        return Tensor(shape: [values.count], values: values)
    }

    /// Σ (y − ȳ)² over rows and columns.
    private static func variance(of outputs: Tensor) -> Double {
        let means = outputs.columnMeans(rows: 0..<outputs.rowCount)
        var sum = 0.0
        for row in 0..<outputs.rowCount {
            for (column, mean) in means.enumerated() {
                let value = Double(outputs.values[row * means.count + column]) - mean
                sum += value * value
            }
        }
        return sum
    }
}

/// What the products of a site share when they are pruned.
struct PruningFit {
    let moments: InputMoments
    let originalMean: [Double]
    let sparseGPT: SparseGPT?
    let refit: MaskedRefit?

    init(_ rows: SiteRows, _ options: PruneWeights) {
        moments = InputMoments(
            rows.input, original: options.refit > 0 ? rows.original : nil, rows: rows.fitted)
        originalMean = rows.original.columnMeans(rows: rows.fitted)
        sparseGPT =
            options.method == .sparsegpt
            ? SparseGPT(
                moments: options.correctsBias ? moments.centred : moments.second,
                pattern: options.pattern) : nil
        refit =
            options.refit > 0 ? MaskedRefit(moments: moments, ridge: options.refit) : nil
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
            PruneWeights.wanda(
                weight, squares: moments.second.diagonal, pattern, sparsity: sparsity)
        case .sparsegpt:
            sparseGPT?.pruned(weight.values, sparsity: sparsity)
        }
    }
}
