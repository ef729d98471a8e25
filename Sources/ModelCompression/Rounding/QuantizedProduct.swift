import ModelGraph
import Tensors

/// What flows into a site, with what its products may learn from it.
struct SiteRows {
    /// Most held-out rows on which products are judged.
    private static let judgedRows = 1024

    /// What the device's codes of the input stand for, multiplied, `[rows, inputs]`.
    let codes: Tensor
    let fitted: Range<Int>
    /// Held-out rows that are looked at.
    let judged: [Int]
    /// Rows of `codes` that are judged.
    let judgedCodes: Tensor

    init(codes: Tensor, fitted: Range<Int>, heldOut: Range<Int>) {
        self.codes = codes
        self.fitted = fitted
        let step = max(1, heldOut.count / Self.judgedRows)
        judged = Array(stride(from: heldOut.lowerBound, to: heldOut.upperBound, by: step))
        judgedCodes = codes.selectingRows(judged)
    }
}

/// The second moments of a site's codes, and the solvers that were prepared with them.
struct SiteFit {
    let moments: InputMoments
    let gptq: GPTQRounding?
    let descent: CoordinateDescent

    init(_ rows: SiteRows, weights: [Float]?, rounding: QuantizeWeights.Rounding) {
        moments = InputMoments(rows.codes, rows: rows.fitted, weights: weights)
        gptq = rounding == .gptq ? GPTQRounding(moments: moments.second) : nil
        var damped = moments.second
        damped.addToDiagonal(0.01 * damped.meanOfDiagonal)
        descent = CoordinateDescent(moments: damped)
    }
}

/// One product of a site on its way to codes.
struct QuantizedProduct {
    /// With the divisors of the smoothing in it, `[outputs, inputs]`.
    let weight: Tensor
    let bias: Tensor?
    /// What the product should give, `[rows, outputs]`.
    let target: Tensor
    let rows: SiteRows
    /// Share of zeros from which on a matrix counts as pruned.
    static let prunedShare = 0.25
    private let judgedTarget: Tensor

    init(weight: Tensor, bias: Tensor?, target: Tensor, rows: SiteRows) {
        self.weight = weight
        self.bias = bias
        self.target = target
        self.rows = rows
        judgedTarget = target.selectingRows(rows.judged)
    }

    struct Choice {
        let rows: QuantizedRows
        /// Nil where it stays as it was.
        let bias: Tensor?
        /// Σ (w − ŵ)² of the smoothed weights.
        let weightError: Double
        let output: OutputChange
    }

    /// The codes, fitted ones if they are better on the held-out rows than the nearest.
    ///
    /// - Parameters:
    ///   - name: Of the node.
    ///   - fit: nil takes the nearest.
    func quantized(
        _ options: QuantizeWeights, name: String, fit: SiteFit?
    ) throws(CompressionError) -> Choice {
        do {
            return try choose(options, name, fit)
        } catch {
            throw .model(.tensor(node: name, error))
        }
    }

    private func choose(
        _ options: QuantizeWeights, _ name: String, _ fit: SiteFit?
    ) throws(TensorError) -> Choice {
        let before = try error(of: weight, bias: bias)
        let plainGrid = options.grid(
            weight, importances: [Float](repeating: 1, count: weight.columnCount))
        let plain = plainGrid.rows(
            plainGrid.nearestCodes(weight.values, columnCount: weight.columnCount))
        var candidates: [(rows: QuantizedRows, bias: Tensor?)] = [(plain, bias)]
        if let fit {
            let learned = cross(fit)
            let fitted = try fittedRows(options, fit, learned, plain: plain, before: before)
            for rows in [plain, fitted] {
                let bias =
                    options.correctsBias
                    ? biasKeepingMean(rows, fit, targetMean: learned.mean) : self.bias
                candidates.append((rows, bias))
            }
        }
        var best = (index: 0, error: Double.infinity)
        for (index, candidate) in candidates.enumerated() {
            let found = try error(of: candidate.rows.dequantized, bias: candidate.bias)
            if found < best.error { best = (index, found) }
        }
        let chosen = candidates[best.index]
        return Choice(
            rows: chosen.rows, bias: chosen.bias == bias ? nil : chosen.bias,
            weightError: weight.squaredDistance(to: chosen.rows.dequantized),
            output: OutputChange(
                name: name, signalEnergy: judgedTarget.varianceSum, errorBefore: before,
                errorAfter: best.error))
    }

    private func cross(_ fit: SiteFit) -> (moments: [Double], mean: [Double]) {
        fit.moments.cross(rows.codes, target: target)
    }

    /// Codes that were fitted to the calibration rows.
    private func fittedRows(
        _ options: QuantizeWeights, _ fit: SiteFit, _ learned: (moments: [Double], mean: [Double]),
        plain: QuantizedRows, before: Double
    ) throws(TensorError) -> QuantizedRows {
        let keepsZeros = isPruned
        let weight =
            keepsZeros
            ? self.weight
            : try realigned(options, fit, learned, before: before) ?? self.weight
        var grid = options.grid(
            weight, importances: fit.moments.second.diagonal.map { Float($0) })
        // Where the file decides the steps, a finer one is not for free.
        if options.clips, options.step == nil, grid.multipliers == nil {
            ClipSearch.narrow(&grid, weights: weight.values, moments: fit.moments.second)
        }
        let costs =
            options.rate > 0 && weight.elementCount > 0
            ? codeCosts(plain, grid, rate: options.rate, fit) : nil
        var codes =
            fit.gptq?.codes(
                weight.values, grid: grid, codeCosts: costs, keepsZeros: keepsZeros)
            ?? grid.nearestCodes(weight.values, columnCount: weight.columnCount)
        if options.sweeps > 0 {
            fit.descent.refine(
                &codes, grid: &grid, weights: weight.values, sweeps: options.sweeps,
                fitsScales: true, codeCosts: costs, keepsZeros: keepsZeros)
        }
        return grid.rows(codes)
    }

    /// Whether so many weights are 0 that somebody removed them, for the file's sake: they stay
    /// removed.
    private var isPruned: Bool {
        let zeros = weight.values.count { $0 == 0 }
        return Double(zeros) >= Self.prunedShare * Double(max(1, weight.elementCount))
    }

    /// Float weights that bring the output nearer to the wanted one than those of the model do,
    /// because they know what the compressed prefix does to the input; nil if there are none.
    private func realigned(
        _ options: QuantizeWeights, _ fit: SiteFit, _ learned: (moments: [Double], mean: [Double]),
        before: Double
    ) throws(TensorError) -> Tensor? {
        guard options.realignment > 0,
            let solution = RidgeFit(
                moments: fit.moments.second, cross: learned.moments,
                prior: weight.values.map { Double($0) }, ridge: options.realignment)
        else { return nil }
        let bias = RidgeFit.bias(
            solution.weights, mean: fit.moments.mean, targetMean: learned.mean)
        let realigned = Tensor(shape: weight.shape, values: solution.weights.map { Float($0) })
        let error = try error(
            of: realigned, bias: Tensor(shape: [bias.count], values: bias.map { Float($0) }))
        return error < before ? realigned : nil
    }

    private func codeCosts(
        _ plain: QuantizedRows, _ grid: CodeGrid, rate: Double, _ fit: SiteFit
    ) -> [Float] {
        let scales = plain.scales.sorted()
        return CodeCosts.costs(
            of: plain.codes, limit: grid.limit, scale: scales[scales.count / 2],
            errorCost: fit.gptq?.meanErrorCost ?? fit.moments.second.meanOfDiagonal, rate: rate)
    }

    /// The bias with which the mean of each output is that of the target.
    private func biasKeepingMean(
        _ candidate: QuantizedRows, _ fit: SiteFit, targetMean: [Double]
    ) -> Tensor {
        let bias = RidgeFit.bias(
            candidate.dequantized.values.map { Double($0) }, mean: fit.moments.mean,
            targetMean: targetMean)
        return Tensor(shape: [bias.count], values: bias.map { Float($0) })
    }

    private func error(of weight: Tensor, bias: Tensor?) throws(TensorError) -> Double {
        try MatrixProduct.linear(rows.judgedCodes, weight: weight, bias: bias)
            .squaredDistance(to: judgedTarget)
    }
}
