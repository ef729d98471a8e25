import ModelGraph
import Tensors

/// A product with what flows into it and what should come out: everything to fit it anew.
struct ProductFit {
    /// Most held-out rows that are looked at.
    private static let judgedRows = 2048

    struct Candidate {
        /// For the record.
        let name: String
        /// Groups of inputs that are left, ascending.
        let kept: [Int]
        /// What they are multiplied with, `[outputs, kept columns]`.
        let weight: Tensor
        /// Added to the product, `[outputs]`.
        let bias: Tensor
        /// On held-out rows.
        let error: Double
    }

    /// The product as it is, `[outputs, inputs]`.
    let weightTensor: Tensor
    /// Σ w · (t − t̄)² over the held-out rows.
    let signal: Double
    /// Error of the product as it is.
    private(set) var ownError = 0.0

    private let bias: [Double]
    /// Of the fitted rows: what is fitted with these can be judged on the held-out ones.
    private let fitted: ProductMoments
    /// Of all rows: with these the way that was judged best is gone in the end.
    private let all: ProductMoments
    private let judgedInput: Tensor
    private let judgedTarget: Tensor
    private let judgedWeights: [Float]
    private let node: String

    init(
        _ node: Node, _ model: Model, _ sweep: CalibrationSweep
    ) throws(CompressionError) {
        guard case .linear(let linear) = node.operation,
            let input = sweep.compressed[node.inputs[0]]
        else {
            throw .model(.graph(node: node.name, .inputNotComputed(0)))
        }
        self.node = node.name
        weightTensor = try model.finiteFloats(linear.weight)
        let bias = try linear.bias.map { name throws(CompressionError) in
            try model.finiteFloats(name)
        }
        self.bias =
            bias?.values.map { Double($0) }
            ?? [Double](repeating: 0, count: weightTensor.rowCount)
        let target = try sweep.target(of: node, in: model)
        let weights = sweep.rowWeights(of: node)
        let fitted = sweep.compressed.rows(of: sweep.fittedSequences, node.inputs[0], in: model)
        var heldOut = sweep.compressed.rows(of: sweep.heldOutSequences, node.inputs[0], in: model)
        self.fitted = ProductMoments(input, target: target, rows: fitted, weights: weights)
        if heldOut.isEmpty {
            all = self.fitted
            heldOut = fitted
        } else {
            all = ProductMoments(
                self.fitted,
                ProductMoments(input, target: target, rows: heldOut, weights: weights))
        }
        // The rows that count most come first.
        var judged = Array(heldOut)
        if judged.count > Self.judgedRows {
            if let weights {
                judged.sort { (weights[$1], $0) < (weights[$0], $1) }
                judged = Array(judged.prefix(Self.judgedRows)).sorted()
            } else {
                let step = heldOut.count / Self.judgedRows
                judged = Array(stride(from: heldOut.lowerBound, to: heldOut.upperBound, by: step))
            }
        }
        judgedInput = input.selectingRows(judged)
        judgedTarget = target.selectingRows(judged)
        judgedWeights = judged.map { weights?[$0] ?? 1 }
        signal = Self.weightedVariance(judgedTarget, judgedWeights)
        ownError = try error(weightTensor, self.bias, input: judgedInput)
    }

    /// The product fitted to the target with all its inputs, with the ridge that does best on the
    /// held-out rows; nil if it does not do better than the product as it is.
    func refitted() throws(CompressionError) -> Candidate? {
        let kept = Array(0..<weightTensor.columnCount)
        // A pass before may have left no outputs: the queries of an attention without heads.
        guard weightTensor.rowCount > 0, let (ridge, judged) = try bestRidge(),
            judged.error < ownError, let final = solution(all, ridge: ridge)
        else { return nil }
        return candidate("the re-fit", kept, final, error: judged.error)
    }

    /// What is to be left of the product when groups of its inputs leave.
    ///
    /// - Parameters:
    ///   - taking: Groups that can leave; nil for all.
    /// - Returns: The way that does best on the held-out rows, of those that the compensation allows.
    func reduced(
        to count: Int, taking: Set<Int>?, groupSize: Int, compensation: UnitRemoval.Compensation
    ) throws(CompressionError) -> Candidate {
        let groups = Groups(size: groupSize, count: count, taking: taking)
        let ridge = compensation == .refit ? try bestRidge()?.ridge : nil
        let ways: [Way] =
            switch compensation {
            case .none: [.selection(keepsMean: false)]
            case .mean: [.selection(keepsMean: true)]
            case .refit:
                (ridge.map { [.refit(ridge: $0)] } ?? []) + [
                    .ownOutput, .selection(keepsMean: true),
                ]
            }
        var best: (way: Way, error: Double)?
        for way in ways {
            guard let reduction = reduction(way, fitted, groups) else { continue }
            let error = try error(reduction, groups)
            if error < best?.error ?? .infinity { best = (way, error) }
        }
        guard let best, let reduction = reduction(best.way, all, groups) else {
            throw .singular(node: node)
        }
        return candidate(
            best.way.name, reduction.kept, (reduction.weights, reduction.bias), error: best.error)
    }

    // MARK: - Parts

    private struct Groups {
        let size: Int
        let count: Int
        let taking: Set<Int>?
    }

    /// How the product makes up for inputs that leave.
    private enum Way {
        /// Fitted to the target.
        case refit(ridge: Double)
        /// Fitted to what the product gives now.
        case ownOutput
        /// Not at all, but for the mean.
        case selection(keepsMean: Bool)

        var name: String {
            switch self {
            case .refit: "re-fit"
            case .ownOutput: "surgeon on the product's own output"
            case .selection(keepsMean: true): "mean compensation"
            case .selection(keepsMean: false): "no compensation"
            }
        }
    }

    private struct Reduction {
        let kept: [Int]
        let weights: [Double]
        let bias: [Double]
    }

    private func reduction(_ way: Way, _ moments: ProductMoments, _ groups: Groups) -> Reduction? {
        let own = weightTensor.values.map { Double($0) }
        var (weights, ridge, mean) = (own, 0.01, outputMean(moments))
        if case .refit(let chosen) = way {
            guard let solution = solution(moments, ridge: chosen) else { return nil }
            (weights, ridge, mean) = (solution.weights, chosen, moments.targetMean)
        }
        guard
            var surgeon = BlockSurgeon(
                weights: weights, moments: moments.regularized(ridge: ridge),
                groupSize: groups.size)
        else { return nil }
        let level = surgeon.levels([groups.count], taking: groups.taking)[0]
        let columns = columns(level.kept, groups.size)
        weights = level.weights
        if case .selection(let keepsMean) = way {
            weights = weightTensor.selectingColumns(columns).values.map { Double($0) }
            if !keepsMean { return Reduction(kept: level.kept, weights: weights, bias: bias) }
        }
        return Reduction(
            kept: level.kept, weights: weights,
            bias: RidgeFit.bias(
                weights, mean: columns.map { moments.inputMean[$0] }, targetMean: mean))
    }

    private func bestRidge() throws(CompressionError) -> (ridge: Double, judged: Candidate)? {
        var best: (ridge: Double, judged: Candidate)?
        let kept = Array(0..<weightTensor.columnCount)
        for ridge in UnitRemoval.ridges {
            guard let solution = solution(fitted, ridge: ridge) else { continue }
            let error = try error(tensor(solution.weights), solution.bias, input: judgedInput)
            if error < best?.judged.error ?? .infinity {
                best = (ridge, candidate("re-fit", kept, solution, error: error))
            }
        }
        return best
    }

    private func solution(
        _ moments: ProductMoments, ridge: Double
    ) -> (weights: [Double], bias: [Double])? {
        guard
            let fit = RidgeFit(
                moments: moments.second, cross: moments.cross,
                prior: weightTensor.values.map { Double($0) }, ridge: ridge)
        else { return nil }
        return (
            fit.weights,
            RidgeFit.bias(fit.weights, mean: moments.inputMean, targetMean: moments.targetMean)
        )
    }

    private func columns(_ kept: [Int], _ groupSize: Int) -> [Int] {
        kept.flatMap { $0 * groupSize..<($0 + 1) * groupSize }
    }

    /// The mean of what the product gives now.
    private func outputMean(_ moments: ProductMoments) -> [Double] {
        let inputs = moments.inputMean.count
        return bias.enumerated().map { row, bias in
            var mean = bias
            for column in 0..<inputs {
                mean +=
                    Double(weightTensor.values[row * inputs + column]) * moments.inputMean[column]
            }
            return mean
        }
    }

    private func tensor(_ weights: [Double]) -> Tensor {
        let rows = weightTensor.rowCount
        return Tensor(
            shape: [rows, rows == 0 ? 0 : weights.count / rows], values: weights.map { Float($0) })
    }

    private func candidate(
        _ name: String, _ kept: [Int], _ solution: (weights: [Double], bias: [Double]),
        error: Double
    ) -> Candidate {
        Candidate(
            name: name, kept: kept, weight: tensor(solution.weights),
            bias: Tensor(shape: [solution.bias.count], values: solution.bias.map { Float($0) }),
            error: error)
    }

    private func error(
        _ reduction: Reduction, _ groups: Groups
    ) throws(CompressionError) -> Double {
        try error(
            tensor(reduction.weights), reduction.bias,
            input: judgedInput.selectingColumns(columns(reduction.kept, groups.size)))
    }

    private func error(
        _ weight: Tensor, _ bias: [Double], input: Tensor
    ) throws(CompressionError) -> Double {
        let output: Tensor
        do {
            output = try MatrixProduct.linear(
                input, weight: weight,
                bias: Tensor(shape: [bias.count], values: bias.map { Float($0) }))
        } catch {
            throw .model(.tensor(node: node, error))
        }
        var sum = 0.0
        let count = output.columnCount
        for (row, weight) in judgedWeights.enumerated() {
            for column in row * count..<(row + 1) * count {
                let difference = Double(output.values[column]) - Double(judgedTarget.values[column])
                sum += Double(weight) * difference * difference
            }
        }
        return sum
    }

    private static func weightedVariance(_ tensor: Tensor, _ weights: [Float]) -> Double {
        let columns = tensor.columnCount
        var (total, means) = (0.0, [Double](repeating: 0, count: columns))
        for (row, weight) in weights.enumerated() {
            total += Double(weight)
            for column in 0..<columns {
                means[column] += Double(weight) * Double(tensor.values[row * columns + column])
            }
        }
        guard total > 0 else { return 0 }
        var sum = 0.0
        for (row, weight) in weights.enumerated() {
            for column in 0..<columns {
                let deviation =
                    Double(tensor.values[row * columns + column]) - means[column] / total
                sum += Double(weight) * deviation * deviation
            }
        }
        return sum
    }
}
