import Tensors

/// Removes weights input by input and lets the inputs that come later make up for each of them.
///
/// With U of `InverseFactor`, the weights of each span of about 128 inputs are scored
///
///     score = w[i]² / U[i,i]²
///
/// after what the spans before left to them; those with the least scores of all rows go, and each
/// moves its loss on as in GPTQ: e = w[i] / U[i,i], w[j] −= e · U[i,j] for j > i. Groups are scored
/// when their first input comes.
///
/// Source: Frantar and Alistarh 2023 (arXiv 2301.00774), with GPTQ's activation order where no
/// pattern ties neighbours together.
struct SparseGPT {
    /// Inputs that are scored together.
    static let spanColumns = 128

    let pattern: SparsityPattern
    private let factor: InverseFactor

    /// - Parameter moments: Σ x · xᵀ over the calibration rows.
    /// - Returns: nil if the damped moments are singular.
    init?(moments: SymmetricMatrix, pattern: SparsityPattern, damping: Double = 0.01) {
        self.pattern = pattern
        let order: InverseFactor.Order = pattern == .unstructured ? .byActivation : .natural
        guard let factor = InverseFactor(moments: moments, damping: damping, order: order) else {
            return nil
        }
        self.factor = factor
    }

    /// The weights that remain, changed to make up for those that are 0.
    ///
    /// - Parameter weights: `[rows, inputs]`
    func pruned(_ weights: [Float], sparsity: Double) -> [Float] {
        let size = factor.size
        guard size > 0, !weights.isEmpty else { return weights }
        let rowCount = weights.count / size
        var ordered = [Float](repeating: 0, count: weights.count)
        for row in 0..<rowCount {
            for (index, input) in factor.order.enumerated() {
                ordered[row * size + index] = weights[row * size + input]
            }
        }
        let unit = pattern.columnUnit
        let spanSize = max(unit, Self.spanColumns / unit * unit)
        for first in stride(from: 0, to: size, by: spanSize) {
            settle(
                first..<min(size, first + spanSize), of: &ordered, rowCount: rowCount,
                sparsity: sparsity)
        }
        var pruned = weights
        for row in 0..<rowCount {
            for (index, input) in factor.order.enumerated() {
                pruned[row * size + input] = ordered[row * size + index]
            }
        }
        return pruned
    }

    private func settle(
        _ span: Range<Int>, of weights: inout [Float], rowCount: Int, sparsity: Double
    ) {
        let (size, width) = (factor.size, span.count)
        let removed = mask(span, weights, rowCount: rowCount, sparsity: sparsity)
        var losses = [Float](repeating: 0, count: rowCount * width)
        weights.withUnsafeMutableBufferPointer { weights in
            losses.withUnsafeMutableBufferPointer { losses in
                nonisolated(unsafe) let (weights, losses) = (weights, losses)
                Parallel.forEachRange(of: rowCount, grain: 8) { rows in
                    for row in rows {
                        settle(
                            span,
                            UnsafeMutableBufferPointer(
                                rebasing: weights[row * size..<(row + 1) * size]),
                            removed: removed.map { $0[row * width..<(row + 1) * width] },
                            losses: UnsafeMutableBufferPointer(
                                rebasing: losses[row * width..<(row + 1) * width]))
                    }
                }
                factor.upper.withUnsafeBufferPointer { upper in
                    guard let w = weights.baseAddress, let u = upper.baseAddress,
                        let e = losses.baseAddress
                    else { return }
                    MatrixProduct.multiply(
                        .init(e, stride: width),
                        .init(u + span.lowerBound * size + span.upperBound, stride: size),
                        transposed: false, into: w + span.upperBound, stride: size,
                        rows: rowCount, columns: size - span.upperBound, depth: width, alpha: -1,
                        beta: 1)
                }
            }
        }
    }

    /// What goes of a span, `[rows, span]`; nil where groups are decided one after the other.
    private func mask(
        _ span: Range<Int>, _ weights: [Float], rowCount: Int, sparsity: Double
    ) -> [Bool]? {
        if case .groups = pattern { return nil }
        var scores: [Float] = []
        scores.reserveCapacity(rowCount * span.count)
        for row in 0..<rowCount {
            for index in span { scores.append(score(weights[row * factor.size + index], index)) }
        }
        // Exact over all spans together.
        let (before, until) = (rowCount * span.lowerBound, rowCount * span.upperBound)
        let count =
            SparsityPattern.removed(from: until, sparsity: sparsity)
            - SparsityPattern.removed(from: before, sparsity: sparsity)
        guard case .blocks = pattern else { return SmallestScores.mark(count, of: scores) }
        return PruningMask(
            scores: scores, columnCount: span.count, pattern: pattern, sparsity: sparsity,
            scope: .matrix
        ).isRemoved
    }

    private func score(_ weight: Float, _ index: Int) -> Float {
        let loss = weight / factor.pivot(index)
        return loss * loss
    }

    /// Removes the weights of one row within a span.
    ///
    /// - Parameters:
    ///   - row: All weights of the row; those after the span wait for `losses`.
    ///   - losses: e for each input of the span.
    private func settle(
        _ span: Range<Int>, _ row: UnsafeMutableBufferPointer<Float>, removed: ArraySlice<Bool>?,
        losses: UnsafeMutableBufferPointer<Float>
    ) {
        let size = factor.size
        var inGroup: [Bool] = []
        factor.upper.withUnsafeBufferPointer { upper in
            for index in span {
                let position = index - span.lowerBound
                let goes: Bool
                if let removed {
                    goes = removed[removed.startIndex + position]
                } else {
                    let place = index % pattern.columnUnit
                    if place == 0 { inGroup = group(at: index, row) }
                    goes = inGroup[place]
                }
                guard goes else { continue }
                let loss = row[index] / upper[index * size + index]
                losses[position] = loss
                row[index] = 0
                let factors = upper.baseAddress! + index * size
                for later in index + 1..<max(index + 1, span.upperBound) {
                    row[later] -= loss * factors[later]
                }
            }
        }
    }

    /// What goes of the group that begins at an input.
    private func group(at first: Int, _ row: UnsafeMutableBufferPointer<Float>) -> [Bool] {
        guard case .groups(let kept, let size) = pattern else { return [] }
        let range = first..<min(factor.size, first + size)
        let scores = range.map { score(row[$0], $0) }
        var goes = [Bool](repeating: false, count: range.count)
        let count = SparsityPattern.removed(from: range.count, kept: kept, of: size)
        for index in PruningMask.lowest(count, scores, scores.indices) { goes[index] = true }
        return goes
    }
}
