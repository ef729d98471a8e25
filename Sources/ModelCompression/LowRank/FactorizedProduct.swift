import ModelGraph
import Tensors

/// One product on its way to two thinner ones.
struct FactorizedProduct {
    /// Most held-out rows on which factors are judged.
    private static let judgedRows = 1024

    /// W, a matrix `[outputs, inputs]`.
    let weight: Tensor
    let bias: Tensor?
    /// In the compressed model, `[rows, inputs]`.
    let input: Tensor
    /// What the product should give, `[rows, outputs]`.
    let target: Tensor
    /// Over the fitted rows.
    let moments: InputMoments
    private let judgedInput: Tensor
    private let judgedTarget: Tensor

    /// Two factors with the bias that goes with them.
    struct Factors {
        /// A matrix `[outputs, rank]`.
        let outer: Tensor
        /// A matrix `[rank, inputs]`.
        let inner: Tensor
        let bias: Tensor
        /// Share of the energy of the singular values that is kept.
        let keptShare: Double
    }

    init(
        weight: Tensor, bias: Tensor?, input: Tensor, target: Tensor, moments: InputMoments,
        heldOut: Range<Int>
    ) {
        self.weight = weight
        self.bias = bias
        self.input = input
        self.target = target
        self.moments = moments
        let step = max(1, heldOut.count / Self.judgedRows)
        let judged = Array(stride(from: heldOut.lowerBound, to: heldOut.upperBound, by: step))
        judgedInput = input.selectingRows(judged)
        judgedTarget = target.selectingRows(judged)
    }

    /// The factors, of the weights as they are or realigned, whichever are better on held-out rows.
    ///
    /// - Parameters:
    ///   - name: Of the node.
    ///   - isFitted: Whether there is real data to learn from.
    /// - Returns: nil if factors of the rank that is wanted would not pay.
    func factorized(
        _ options: Factorize, name: String, isFitted: Bool
    ) throws(CompressionError) -> (factors: Factors, output: OutputChange)? {
        do {
            return try choose(options, name, isFitted)
        } catch {
            throw .model(.tensor(node: name, error))
        }
    }

    private func choose(
        _ options: Factorize, _ name: String, _ isFitted: Bool
    ) throws(TensorError) -> (factors: Factors, output: OutputChange)? {
        let learned = moments.cross(input, target: target)
        var damped = moments.second
        damped.addToDiagonal(
            max(options.damping * damped.meanOfDiagonal, .leastNormalMagnitude))
        let plain = weight.values.map { Double($0) }
        var sources = [plain]
        if isFitted, options.realignment > 0,
            let fit = RidgeFit(
                moments: moments.second, cross: learned.moments, prior: plain,
                ridge: options.realignment)
        {
            sources.append(fit.weights)
        }
        var best: (factors: Factors, error: Double)?
        var rank: Int?
        for source in sources {
            guard
                let decomposition = WhitenedDecomposition(
                    source, outputs: weight.shape[0], inputs: weight.shape[1], moments: damped)
            else { continue }
            let wanted = rank ?? options.rank(of: decomposition)
            guard options.pays(rank: wanted, outputs: weight.shape[0], inputs: weight.shape[1])
            else { return nil }
            rank = wanted
            let factors = self.factors(decomposition, rank: wanted, targetMean: learned.mean)
            let error = try error(of: factors)
            if error < best?.error ?? .infinity { best = (factors, error) }
        }
        guard let best else { return nil }
        let before = try MatrixProduct.linear(judgedInput, weight: weight, bias: bias)
            .squaredDistance(to: judgedTarget)
        return (
            best.factors,
            OutputChange(
                name: name, signalEnergy: judgedTarget.varianceSum, errorBefore: before,
                errorAfter: best.error)
        )
    }

    private func factors(
        _ decomposition: WhitenedDecomposition, rank: Int, targetMean: [Double]
    ) -> Factors {
        let (outputs, inputs) = (decomposition.outputs, decomposition.inputs)
        let (outer, inner) = decomposition.factors(rank: rank)
        let bias = RidgeFit.bias(
            MatrixProduct.multiply(outer, inner, rows: outputs, columns: inputs, depth: rank),
            mean: moments.mean, targetMean: targetMean)
        let energy = decomposition.energy
        return Factors(
            outer: Tensor(shape: [outputs, rank], values: outer.map { Float($0) }),
            inner: Tensor(shape: [rank, inputs], values: inner.map { Float($0) }),
            bias: Tensor(shape: [outputs], values: bias.map { Float($0) }),
            keptShare: energy > 0 ? 1 - decomposition.lostEnergy(rank: rank) / energy : 1)
    }

    private func error(of factors: Factors) throws(TensorError) -> Double {
        let down = try MatrixProduct.linear(judgedInput, weight: factors.inner)
        return try MatrixProduct.linear(down, weight: factors.outer, bias: factors.bias)
            .squaredDistance(to: judgedTarget)
    }
}
