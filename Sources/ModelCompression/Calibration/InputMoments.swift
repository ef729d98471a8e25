import Tensors

/// Weighted sums over the rows that flow into products: what layer-wise least squares needs.
///
/// All are taken around the means, because a bias takes care of these.
struct InputMoments {
    /// Rows that are copied, centred and weighted at a time.
    private static let blockRows = 2048

    private let rows: Range<Int>
    /// Square roots of the weights of the rows, whose mean is 1.
    private let roots: [Float]
    /// Sum of the weights.
    let total: Double
    /// Σ w · (x − x̄)(x − x̄)ᵀ, `[inputs, inputs]`.
    private(set) var second: SymmetricMatrix
    /// x̄, weighted.
    let mean: [Double]

    /// - Parameters:
    ///   - input: x, `[rows, inputs]`
    ///   - rows: The rows that count.
    ///   - weights: One for each row of `input`; nil for ones.
    init(_ input: Tensor, rows: Range<Int>, weights: [Float]?) {
        self.rows = rows
        let weights = weights.map { Array($0[rows]) } ?? [Float](repeating: 1, count: rows.count)
        roots = weights.map { $0.squareRoot() }
        total = weights.reduce(0) { $0 + Double($1) }
        mean = Self.mean(input, rows, roots, total)
        second = SymmetricMatrix(size: input.columnCount)
        var sums = second
        forEachBlock(of: input, mean: mean) { _, block in
            MatrixProduct.addMoments(ofRows: block, to: &sums)
        }
        second = sums
    }

    /// Σ w · (t − t̄)(x − x̄)ᵀ, `[targets, inputs]`, and t̄.
    ///
    /// - Parameters:
    ///   - input: The same as before.
    ///   - target: t, `[rows, targets]`
    func cross(_ input: Tensor, target: Tensor) -> (moments: [Double], mean: [Double]) {
        let targetMean = Self.mean(target, rows, roots, total)
        var moments = [Double](repeating: 0, count: target.columnCount * input.columnCount)
        forEachBlock(of: input, mean: mean) { range, x in
            forEachBlock(of: target, mean: targetMean, within: range) { _, t in
                MatrixProduct.addCrossMoments(
                    outputs: t, outputCount: target.columnCount, inputs: x,
                    inputCount: input.columnCount, to: &moments)
            }
        }
        return (moments, targetMean)
    }

    private static func mean(
        _ tensor: Tensor, _ rows: Range<Int>, _ roots: [Float], _ total: Double
    ) -> [Double] {
        let columns = tensor.columnCount
        let blocks = (rows.count + blockRows - 1) / blockRows
        // A sum for each block of rows, added in their order: the same for any number of threads.
        var blockSums = [Double](repeating: 0, count: blocks * columns)
        tensor.withRows(rows) { values in
            blockSums.withUnsafeMutableBufferPointer { sums in
                nonisolated(unsafe) let (values, sums) = (values, sums)
                Parallel.forEachRange(of: blocks, grain: 1) { range in
                    for block in range {
                        let first = block * blockRows
                        for row in first..<min(rows.count, first + blockRows) {
                            let weight = Double(roots[row]) * Double(roots[row])
                            guard weight > 0 else { continue }
                            for column in 0..<columns {
                                sums[block * columns + column] +=
                                    weight * Double(values[row * columns + column])
                            }
                        }
                    }
                }
            }
        }
        var sums = [Double](repeating: 0, count: columns)
        for index in blockSums.indices { sums[index % columns] += blockSums[index] }
        return total > 0 ? sums.map { $0 / total } : sums
    }

    /// Lends the rows block by block, centred and multiplied by the roots of their weights.
    private func forEachBlock(
        of tensor: Tensor, mean: [Double], within: Range<Int>? = nil,
        _ body: (Range<Int>, UnsafeBufferPointer<Float>) -> Void
    ) {
        let columns = tensor.columnCount
        let within = within ?? 0..<rows.count
        let means = mean.map { Float($0) }
        for first in stride(from: within.lowerBound, to: within.upperBound, by: Self.blockRows) {
            let range = first..<min(within.upperBound, first + Self.blockRows)
            let block = [Float](unsafeUninitializedCapacity: range.count * columns) {
                block, count in
                let source = rows.lowerBound + range.lowerBound
                tensor.withRows(source..<source + range.count) { values in
                    nonisolated(unsafe) let (values, block) = (values, block)
                    Parallel.forEachRange(of: range.count, grain: 128) { part in
                        for row in part {
                            let root = roots[range.lowerBound + row]
                            for column in 0..<columns {
                                let index = row * columns + column
                                block[index] = (values[index] - means[column]) * root
                            }
                        }
                    }
                }
                count = range.count * columns
            }
            block.withUnsafeBufferPointer { body(range, $0) }
        }
    }
}
