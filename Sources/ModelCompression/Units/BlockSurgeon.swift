import Tensors

/// Takes the inputs of a product away group by group, always the group whose loss the others can
/// make up for best, and lets them do so: the structured optimal brain surgeon.
///
/// With H = Σ x·xᵀ + Λ, the loss of group g and the change of the other weights are
///
///     score(g) = tr(W_g · ((H⁻¹)_gg)⁻¹ · W_gᵀ),   W −= W_g · ((H⁻¹)_gg)⁻¹ · (H⁻¹)_g,
///
/// after which H⁻¹ loses the group: H⁻¹ −= (H⁻¹)_·g · ((H⁻¹)_gg)⁻¹ · (H⁻¹)_g·. The weights that are
/// left are then the least-squares optimum for the inputs that are left.
///
/// Source: Kurtic et al. 2023 (ZipLM, arXiv 2302.04089). Single inputs are taken several at a time,
/// as their scores hardly change from one to the next.
struct BlockSurgeon {
    /// What is left when a number of groups is left.
    struct Level {
        /// Ascending.
        let kept: [Int]
        /// What they are multiplied with, `[outputs, kept columns]`.
        let weights: [Double]
        /// Σ of the scores of what was taken.
        let loss: Double
    }

    private let groupSize: Int
    private let groupCount: Int
    private let outputCount: Int
    private let size: Int
    /// Groups of one input that are taken at a time.
    private static let blockSize = 16

    private var weights: [Double]
    private var inverse: [Double]
    private var isKept: [Bool]
    private var loss = 0.0

    /// - Parameters:
    ///   - weights: `[outputs, inputs]`
    ///   - moments: H, regularized, `[inputs, inputs]`.
    ///   - groupSize: Inputs of a group, which lie side by side.
    /// - Returns: nil if the moments are singular.
    init?(weights: [Double], moments: SymmetricMatrix, groupSize: Int) {
        guard let factor = CholeskyFactor(moments), groupSize > 0 else { return nil }
        self.groupSize = groupSize
        self.weights = weights
        size = moments.size
        groupCount = size / groupSize
        outputCount = size == 0 ? 0 : weights.count / size
        inverse = factor.inverse.values
        isKept = [Bool](repeating: true, count: groupCount)
    }

    /// Takes groups until `counts` are left, one after the other.
    ///
    /// - Parameters:
    ///   - counts: Descending, each at most the number of groups.
    ///   - mayTake: Groups that can be taken; nil for all.
    mutating func levels(_ counts: [Int], taking: Set<Int>? = nil) -> [Level] {
        var left = isKept.count { $0 }
        return counts.map { count in
            while left > count {
                let block = groupSize == 1 ? min(Self.blockSize, left - count) : 1
                let taken = cheapest(block, taking)
                guard !taken.isEmpty else { break }
                take(taken)
                left -= taken.count
            }
            return level()
        }
    }

    private func level() -> Level {
        let kept = isKept.indices.filter { isKept[$0] }
        let columns = kept.flatMap { $0 * groupSize..<($0 + 1) * groupSize }
        var left: [Double] = []
        left.reserveCapacity(outputCount * columns.count)
        for row in 0..<outputCount {
            for column in columns { left.append(weights[row * size + column]) }
        }
        return Level(kept: kept, weights: left, loss: loss)
    }

    /// The groups with the least scores, ascending.
    private func cheapest(_ count: Int, _ taking: Set<Int>?) -> [Int] {
        var scores: [(score: Double, group: Int)] = []
        let squares = groupSize == 1 ? columnSquares() : []
        for group in 0..<groupCount where isKept[group] && taking?.contains(group) != false {
            let score =
                groupSize == 1
                ? squares[group] / max(inverse[group * size + group], .leastNormalMagnitude)
                : blockScore(group)
            scores.append((score, group))
        }
        scores.sort { ($0.score, $0.group) < ($1.score, $1.group) }
        return scores.prefix(count).map(\.group).sorted()
    }

    private func columnSquares() -> [Double] {
        var squares = [Double](repeating: 0, count: size)
        for row in 0..<outputCount {
            for column in 0..<size {
                squares[column] += weights[row * size + column] * weights[row * size + column]
            }
        }
        return squares
    }

    private func blockScore(_ group: Int) -> Double {
        let columns = Array(group * groupSize..<(group + 1) * groupSize)
        guard let factor = CholeskyFactor(inverseBlock(columns)) else { return .infinity }
        let part = weightColumns(columns)
        let solved = factor.solve(part)
        var score = 0.0
        for index in part.indices { score += part[index] * solved[index] }
        return score
    }

    private mutating func take(_ groups: [Int]) {
        let columns = groups.flatMap { $0 * groupSize..<($0 + 1) * groupSize }
        let block = inverseBlock(columns)
        let part = weightColumns(columns)
        guard let factor = CholeskyFactor(block) else {
            for group in groups { isKept[group] = false }
            clear(columns)
            return
        }
        let solved = factor.solve(part)
        for index in part.indices { loss += part[index] * solved[index] }
        // Rows of H⁻¹ that belong to the columns, [taken, size].
        var rows: [Double] = []
        for column in columns { rows += inverse[column * size..<(column + 1) * size] }
        MatrixProduct.subtract(
            solved, rows, rows: outputCount, columns: size, depth: columns.count, from: &weights)
        // [size, taken] · ((H⁻¹)_gg)⁻¹ · [taken, size]
        var transposed = [Double](repeating: 0, count: size * columns.count)
        for (place, column) in columns.enumerated() {
            for row in 0..<size {
                transposed[row * columns.count + place] = inverse[column * size + row]
            }
        }
        let image = factor.solve(transposed)
        MatrixProduct.subtract(
            image, rows, rows: size, columns: size, depth: columns.count, from: &inverse)
        for group in groups { isKept[group] = false }
        clear(columns)
    }

    private mutating func clear(_ columns: [Int]) {
        for column in columns {
            for row in 0..<outputCount { weights[row * size + column] = 0 }
            for other in 0..<size {
                inverse[column * size + other] = 0
                inverse[other * size + column] = 0
            }
            inverse[column * size + column] = 1
        }
    }

    private func inverseBlock(_ columns: [Int]) -> SymmetricMatrix {
        var block = SymmetricMatrix(size: columns.count)
        for (row, source) in columns.enumerated() {
            for (column, other) in columns.enumerated() {
                block[row, column] = inverse[source * size + other]
            }
        }
        return block
    }

    private func weightColumns(_ columns: [Int]) -> [Double] {
        var part: [Double] = []
        part.reserveCapacity(outputCount * columns.count)
        for row in 0..<outputCount {
            for column in columns { part.append(weights[row * size + column]) }
        }
        return part
    }
}
