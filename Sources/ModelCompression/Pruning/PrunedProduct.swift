import ModelGraph
import Tensors

/// One product on its way to fewer weights, judged on held-out rows against what it should give.
struct PrunedProduct {
    /// As the model has it, `[outputs, inputs]`.
    let weight: Tensor
    let bias: Tensor?
    /// What the product should give, `[rows, outputs]`.
    let target: Tensor
    let rows: SiteRows
    let fit: PruningFit

    struct Choice {
        let method: PruneWeights.Method
        let isRefitted: Bool
        let weight: Tensor
        let bias: Tensor?
        let output: OutputChange
    }

    private struct Candidate {
        let method: PruneWeights.Method
        let weight: Tensor
        var isRefitted = false
    }

    /// The weights that the method of `options` leaves, or magnitude's where those are better.
    ///
    /// - Parameter name: Of the node.
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
        let learned = fit.moments.cross(rows.codes, target: target)
        let judged = target.selectingRows(rows.judged)
        let before = try error(of: weight, bias: bias, judged)
        let candidates = candidates(options, sparsity: sparsity, learned.moments)
        var best: (index: Int, bias: Tensor?, error: Double) = (0, bias, .infinity)
        for (index, candidate) in candidates.enumerated() {
            let bias = options.correctsBias ? mean(candidate.weight, learned.mean) : self.bias
            let found = try error(of: candidate.weight, bias: bias, judged)
            if found < best.error { best = (index, bias, found) }
        }
        let chosen = candidates[best.index]
        return Choice(
            method: chosen.method, isRefitted: chosen.isRefitted, weight: chosen.weight,
            bias: best.bias == bias ? nil : best.bias,
            output: OutputChange(
                name: name, signalEnergy: fit.judgedVariance(judged, rows), errorBefore: before,
                errorAfter: best.error))
    }

    /// Magnitude first, then what was asked for; each with and without a fit.
    private func candidates(
        _ options: PruneWeights, sparsity: Double, _ targets: [Double]
    ) -> [Candidate] {
        var candidates: [Candidate] = []
        let others: [PruneWeights.Method] =
            options.method == .magnitude ? [] : [options.method]
        for method in [.magnitude] + others {
            guard let values = fit.pruned(weight, method, options.pattern, sparsity: sparsity)
            else { continue }
            candidates.append(
                Candidate(method: method, weight: Tensor(shape: weight.shape, values: values)))
            guard let refit = fit.refit else { continue }
            candidates.append(
                Candidate(
                    method: method,
                    weight: Tensor(
                        shape: weight.shape, values: refit.refitted(values, targets: targets)),
                    isRefitted: true))
        }
        return candidates
    }

    /// The bias with which the mean of each output is that of the target.
    private func mean(_ candidate: Tensor, _ targetMean: [Double]) -> Tensor {
        let bias = RidgeFit.bias(
            candidate.values.map { Double($0) }, mean: fit.moments.mean, targetMean: targetMean)
        return Tensor(shape: [bias.count], values: bias.map { Float($0) })
    }

    private func error(
        of weight: Tensor, bias: Tensor?, _ judged: Tensor
    ) throws(TensorError) -> Double {
        let output = try MatrixProduct.linear(rows.judgedCodes, weight: weight, bias: bias)
        return fit.judgedDistance(judged, output, rows)
    }
}
