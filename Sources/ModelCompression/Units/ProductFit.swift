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
        /// `[outputs, kept columns]`
        let weight: Tensor
        /// `[outputs]`
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
    private let moments: InputMoments
    private let cross: (moments: [Double], mean: [Double])
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
        if heldOut.isEmpty { heldOut = fitted }
        moments = InputMoments(input, rows: fitted, weights: weights)
        cross = moments.cross(input, target: target)
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
        ownError = try error(of: weightTensor, bias: self.bias, columns: nil)
    }

    /// The product fitted to the target with all its inputs, with the ridge that does best on the
    /// held-out rows; nil if nothing can be solved.
    func refitted() throws(CompressionError) -> Candidate? {
        guard let (_, weights) = try bestRidge() else { return nil }
        return try candidate(
            "re-fit", weights, kept: Array(0..<weightTensor.columnCount), columns: nil,
            bias: RidgeFit.bias(weights, mean: moments.mean, targetMean: cross.mean))
    }

    /// What may be left of the product when groups of its inputs leave, the preferred way first.
    ///
    /// - Parameters:
    ///   - taking: Groups that can leave; nil for all.
    func candidates(
        keeping count: Int, taking: Set<Int>?, groupSize: Int,
        compensation: UnitRemoval.Compensation
    ) throws(CompressionError) -> [Candidate] {
        let own = weightTensor.values.map { Double($0) }
        var candidates: [Candidate] = []
        if compensation == .refit, let (ridge, fitted) = try bestRidge(),
            let level = level(
                fitted, ridge: ridge, count: count, taking: taking, groupSize: groupSize)
        {
            let columns = columns(level.kept, groupSize)
            candidates.append(
                try candidate(
                    "the re-fit", level.weights, kept: level.kept, columns: columns,
                    bias: RidgeFit.bias(
                        level.weights, mean: columns.map { moments.mean[$0] },
                        targetMean: cross.mean)))
        }
        guard
            let level = level(
                own, ridge: 0.01, count: count, taking: taking, groupSize: groupSize)
        else {
            guard candidates.isEmpty else { return candidates }
            throw .singular(node: node)
        }
        let columns = columns(level.kept, groupSize)
        let ownMean = outputMean(own, bias: bias)
        let selected = weightTensor.selectingColumns(columns).values.map { Double($0) }
        let keptMeans = columns.map { moments.mean[$0] }
        if compensation == .refit {
            candidates.append(
                try candidate(
                    "the surgeon on the product's own output", level.weights, kept: level.kept,
                    columns: columns,
                    bias: RidgeFit.bias(level.weights, mean: keptMeans, targetMean: ownMean)))
        }
        if compensation != .none {
            candidates.append(
                try candidate(
                    "mean compensation", selected, kept: level.kept, columns: columns,
                    bias: RidgeFit.bias(selected, mean: keptMeans, targetMean: ownMean)))
        } else {
            candidates.append(
                try candidate(
                    "no compensation", selected, kept: level.kept, columns: columns, bias: bias))
        }
        return candidates
    }

    /// The levels of the surgeon on the product's own output.
    func ownLevels(_ counts: [Int], groupSize: Int) -> [(BlockSurgeon.Level, bias: [Double])]? {
        let own = weightTensor.values.map { Double($0) }
        let mean = outputMean(own, bias: bias)
        guard
            var surgeon = BlockSurgeon(
                weights: own, moments: regularized(ridge: 0.01), groupSize: groupSize)
        else { return nil }
        return surgeon.levels(counts).map { level in
            let means = columns(level.kept, groupSize).map { moments.mean[$0] }
            return (level, RidgeFit.bias(level.weights, mean: means, targetMean: mean))
        }
    }

    // MARK: - Parts

    private func bestRidge() throws(CompressionError) -> (ridge: Double, weights: [Double])? {
        var best: (ridge: Double, weights: [Double], error: Double)?
        for ridge in UnitRemoval.ridges {
            guard
                let fit = RidgeFit(
                    moments: moments.second, cross: cross.moments,
                    prior: weightTensor.values.map { Double($0) }, ridge: ridge)
            else { continue }
            let bias = RidgeFit.bias(fit.weights, mean: moments.mean, targetMean: cross.mean)
            let error = try error(of: tensor(fit.weights), bias: bias, columns: nil)
            if error < best?.error ?? .infinity { best = (ridge, fit.weights, error) }
        }
        return best.map { ($0.ridge, $0.weights) }
    }

    private func level(
        _ weights: [Double], ridge: Double, count: Int, taking: Set<Int>?, groupSize: Int
    ) -> BlockSurgeon.Level? {
        guard
            var surgeon = BlockSurgeon(
                weights: weights, moments: regularized(ridge: ridge), groupSize: groupSize)
        else { return nil }
        return surgeon.levels([count], taking: taking)[0]
    }

    private func regularized(ridge: Double) -> SymmetricMatrix {
        var matrix = moments.second
        for (index, penalty) in RidgeFit.penalties(matrix, ridge: ridge).enumerated() {
            matrix[index, index] += penalty
        }
        return matrix
    }

    private func columns(_ kept: [Int], _ groupSize: Int) -> [Int] {
        kept.flatMap { $0 * groupSize..<($0 + 1) * groupSize }
    }

    private func outputMean(_ weights: [Double], bias: [Double]) -> [Double] {
        let inputs = moments.mean.count
        return bias.enumerated().map { row, bias in
            moments.mean.enumerated().reduce(bias) {
                $0 + weights[row * inputs + $1.offset] * $1.element
            }
        }
    }

    private func tensor(_ weights: [Double]) -> Tensor {
        let rows = weightTensor.rowCount
        return Tensor(
            shape: [rows, rows == 0 ? 0 : weights.count / rows], values: weights.map { Float($0) })
    }

    private func candidate(
        _ name: String, _ weights: [Double], kept: [Int], columns: [Int]?, bias: [Double]
    ) throws(CompressionError) -> Candidate {
        let weight = tensor(weights)
        return Candidate(
            name: name, kept: kept, weight: weight,
            bias: Tensor(shape: [bias.count], values: bias.map { Float($0) }),
            error: try error(of: weight, bias: bias, columns: columns))
    }

    private func error(
        of weight: Tensor, bias: [Double], columns: [Int]?
    ) throws(CompressionError) -> Double {
        let input = columns.map { judgedInput.selectingColumns($0) } ?? judgedInput
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
