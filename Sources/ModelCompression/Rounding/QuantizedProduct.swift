import ModelGraph
import Tensors

/// What flows into a site, and into the same site of the original model.
struct SiteRows {
    /// Most held-out rows on which products are judged.
    private static let judgedRows = 1024

    /// `[rows, inputs]`
    let input: Tensor
    /// What the device's codes of the input stand for, multiplied by the multipliers.
    let codes: Tensor
    let original: Tensor
    let fitted: Range<Int>
    let heldOut: Range<Int>
    /// Held-out rows that are looked at.
    let judged: [Int]

    init(
        input: Tensor, codes: Tensor, original: Tensor, fitted: Range<Int>, heldOut: Range<Int>
    ) {
        self.input = input
        self.codes = codes
        self.original = original
        self.fitted = fitted
        self.heldOut = heldOut
        let step = max(1, heldOut.count / Self.judgedRows)
        judged = Array(stride(from: heldOut.lowerBound, to: heldOut.upperBound, by: step))
    }

    /// The same rows for products that the original model lacks.
    var withoutOriginal: SiteRows {
        SiteRows(input: input, codes: codes, original: input, fitted: fitted, heldOut: heldOut)
    }

    /// What all products of the site share when codes are fitted.
    func fit(_ options: QuantizeWeights) -> SiteFit {
        let moments = InputMoments(
            codes, original: options.realignment > 0 ? original : nil, rows: fitted)
        return SiteFit(
            moments: moments, originalMean: original.columnMeans(rows: fitted),
            rounding: options.rounding)
    }
}

/// The second moments of a site's codes, and the solvers that were prepared with them.
struct SiteFit {
    private(set) var moments: InputMoments
    private(set) var originalMean: [Double]
    let gptq: GPTQRounding?
    let descent: CoordinateDescent

    init(
        moments: InputMoments, originalMean: [Double], rounding: QuantizeWeights.Rounding
    ) {
        self.moments = moments
        self.originalMean = originalMean
        gptq = rounding == .gptq ? GPTQRounding(moments: moments.second) : nil
        var damped = moments.second
        damped.addToDiagonal(0.01 * damped.meanOfDiagonal)
        descent = CoordinateDescent(moments: damped)
    }

    /// The same for products that the original model lacks: there is nothing to realign them with.
    func withoutOriginal(_ rows: SiteRows) -> SiteFit {
        var fit = self
        fit.moments.cross = nil
        fit.originalMean = rows.original.columnMeans(rows: rows.fitted)
        return fit
    }
}

/// A product of the original model.
struct OriginalProduct {
    let weight: Tensor
    let bias: Tensor?
}

/// One product of a site on its way to codes.
struct QuantizedProduct {
    /// With the divisors of the smoothing in it, `[outputs, inputs]`.
    let weight: Tensor
    let bias: Tensor?
    /// Of the original model.
    let original: OriginalProduct
    let rows: SiteRows

    struct Choice {
        let rows: QuantizedRows
        /// Nil where it stays as it was.
        let bias: Tensor?
        /// Σ (w − ŵ)² of the smoothed weights.
        let weightError: Double
        let signal: Double
        let errorBefore: Double
        let errorAfter: Double

        func output(name: String) -> OutputChange {
            OutputChange(
                name: name, signalEnergy: signal, errorBefore: errorBefore,
                errorAfter: errorAfter)
        }
    }

    /// The codes, fitted ones if they are better on the held-out rows than the nearest.
    ///
    /// - Parameter fit: nil takes the nearest.
    func quantized(
        _ options: QuantizeWeights, fit: SiteFit?
    ) throws(CompressionError) -> Choice {
        do {
            return try choose(options, fit)
        } catch {
            throw .model(.tensor(node: "quantize", error))
        }
    }

    private func choose(_ options: QuantizeWeights, _ fit: SiteFit?) throws(TensorError) -> Choice {
        let target = try MatrixProduct.linear(
            rows.original.selectingRows(rows.judged), weight: original.weight,
            bias: original.bias)
        let before = try error(
            of: weight, input: rows.codes.selectingRows(rows.judged), shift: nil, target)
        let columns = weight.columnCount
        let plainGrid = options.grid(weight)
        let plain = quantizedRows(
            plainGrid.nearestCodes(weight.values, columnCount: columns), plainGrid)
        let plainError = try error(of: plain, shift: nil, target)
        var best = choice(plain, shift: nil, before: before, after: plainError, target)
        guard let fit else { return best }

        let weight = try realigned(options, fit, target, before: before) ?? self.weight
        var grid = options.grid(weight)
        // Where the file decides the steps, a finer one is not for free.
        if options.clips, options.step == nil {
            ClipSearch.narrow(&grid, weights: weight.values, moments: fit.moments.second)
        }
        let costs = options.rate > 0 ? codeCosts(plain, grid, rate: options.rate, fit) : nil
        var codes =
            fit.gptq?.codes(weight.values, grid: grid, codeCosts: costs)
            ?? grid.nearestCodes(weight.values, columnCount: columns)
        if options.sweeps > 0 {
            fit.descent.refine(
                &codes, grid: &grid, weights: weight.values, sweeps: options.sweeps,
                fitsScales: true, codeCosts: costs)
        }
        let fitted = quantizedRows(codes, grid)
        for candidate in [plain, fitted] {
            let shift = options.correctsBias ? meanShift(of: candidate, fit) : nil
            let found = try error(of: candidate, shift: shift, target)
            if found < best.errorAfter {
                best = choice(candidate, shift: shift, before: before, after: found, target)
            }
        }
        return best
    }

    /// Float weights that bring the output nearer to the original one than those of the model do,
    /// because they know what the compressed prefix does to the input; nil if there are none.
    private func realigned(
        _ options: QuantizeWeights, _ fit: SiteFit, _ target: Tensor, before: Double
    ) throws(TensorError) -> Tensor? {
        guard options.realignment > 0, let cross = fit.moments.cross else { return nil }
        let (outputs, originals) = (original.weight.shape[0], original.weight.shape[1])
        let inputs = weight.columnCount
        let first = original.weight.values.map { Double($0) }
        let targetMean = MatrixProduct.multiply(
            first, fit.originalMean, rows: outputs, columns: 1, depth: originals)
        let solution = RidgeFit(
            moments: fit.moments.second,
            cross: MatrixProduct.multiply(
                first, cross, rows: outputs, columns: inputs, depth: originals),
            mean: fit.moments.mean, targetMean: targetMean, rowCount: fit.moments.rowCount,
            prior: weight.values.map { Double($0) }, ridge: options.realignment)
        guard let solution else { return nil }
        let realigned = Tensor(
            shape: weight.shape, values: solution.weights.map { Float($0) })
        let shift = solution.bias.enumerated().map { index, value in
            Float(value) + (original.bias?.values[index] ?? 0) - (bias?.values[index] ?? 0)
        }
        let error = try error(
            of: realigned, input: rows.codes.selectingRows(rows.judged), shift: shift, target)
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

    private func quantizedRows(_ codes: [Int8], _ grid: CodeGrid) -> QuantizedRows {
        QuantizedRows(
            rowCount: weight.rowCount, columnCount: weight.columnCount, codes: codes,
            scales: grid.scales)
    }

    /// How far the mean of each output has to move: mean of
    /// (W₀·x₀ + b₀) − (Ŵ·x̂ + b) over the fitted rows.
    private func meanShift(of candidate: QuantizedRows, _ fit: SiteFit) -> [Float] {
        let dequantized = candidate.dequantized.values
        let (inputs, originals) = (weight.columnCount, original.weight.columnCount)
        return (0..<weight.rowCount).map { row in
            var shift = Double(original.bias?.values[row] ?? 0) - Double(bias?.values[row] ?? 0)
            for column in 0..<originals {
                shift +=
                    Double(original.weight.values[row * originals + column])
                    * fit.originalMean[column]
            }
            for column in 0..<inputs {
                shift -= Double(dequantized[row * inputs + column]) * fit.moments.mean[column]
            }
            return Float(shift)
        }
    }

    private func error(
        of candidate: QuantizedRows, shift: [Float]?, _ target: Tensor
    ) throws(TensorError) -> Double {
        try error(
            of: candidate.dequantized, input: rows.codes.selectingRows(rows.judged), shift: shift,
            target)
    }

    private func error(
        of weight: Tensor, input: Tensor, shift: [Float]?, _ target: Tensor
    ) throws(TensorError) -> Double {
        try MatrixProduct.linear(input, weight: weight, bias: shifted(shift) ?? bias)
            .squaredDistance(to: target)
    }

    private func shifted(_ shift: [Float]?) -> Tensor? {
        shift.map { shift in
            Tensor(
                shape: [shift.count],
                values: shift.enumerated().map { (bias?.values[$0] ?? 0) + $1 })
        }
    }

    private func choice(
        _ candidate: QuantizedRows, shift: [Float]?, before: Double, after: Double,
        _ target: Tensor
    ) -> Choice {
        let means = target.columnMeans(rows: 0..<target.rowCount)
        var signal = 0.0
        for row in 0..<target.rowCount {
            for (column, mean) in means.enumerated() {
                let value = Double(target.values[row * means.count + column]) - mean
                signal += value * value
            }
        }
        return Choice(
            rows: candidate, bias: shifted(shift),
            weightError: weight.squaredDistance(to: candidate.dequantized), signal: signal,
            errorBefore: before, errorAfter: after)
    }
}
