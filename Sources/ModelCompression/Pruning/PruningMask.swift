/// Which weights of a matrix are removed: those with the least scores that the pattern allows.
struct PruningMask {
    enum Scope {
        /// All weights compete with each other.
        case matrix
        /// Those of an output, or of a row of blocks.
        case row
    }

    /// One per weight, `[rows, columns]`.
    let isRemoved: [Bool]

    /// - Parameters:
    ///   - scores: `[rows, columns]`, not negative.
    ///   - sparsity: Share of weights or blocks that goes; a pattern of groups has its own.
    init(
        scores: [Float], columnCount: Int, pattern: SparsityPattern, sparsity: Double, scope: Scope
    ) {
        let rowCount = columnCount == 0 ? 0 : scores.count / columnCount
        switch pattern {
        case .groups(let kept, let size):
            isRemoved = Self.groups(
                scores, columnCount: columnCount, kept: kept, size: size)
        case .unstructured:
            isRemoved = Self.smallest(
                scores, columnCount: columnCount, sparsity: sparsity, scope: scope)
        case .blocks(let rows, let columns):
            let grid = BlockGrid(
                rowCount: rowCount, columnCount: columnCount, rows: rows, columns: columns)
            let removed = Self.smallest(
                grid.means(of: scores), columnCount: grid.across, sparsity: sparsity, scope: scope)
            isRemoved = grid.expanded(removed)
        }
    }

    /// The weights with zeros where they are removed.
    func apply(to weights: [Float]) -> [Float] {
        zip(weights, isRemoved).map { $1 ? 0 : $0 }
    }

    private static func smallest(
        _ scores: [Float], columnCount: Int, sparsity: Double, scope: Scope
    ) -> [Bool] {
        guard columnCount > 0 else { return [] }
        if case .matrix = scope {
            return SmallestScores.mark(
                SparsityPattern.removed(from: scores.count, sparsity: sparsity), of: scores)
        }
        var removed: [Bool] = []
        removed.reserveCapacity(scores.count)
        // What rounding takes from one row the next ones make up for.
        for end in stride(from: columnCount, through: scores.count, by: columnCount) {
            let before = SparsityPattern.removed(from: end - columnCount, sparsity: sparsity)
            let count = SparsityPattern.removed(from: end, sparsity: sparsity) - before
            let row = end - columnCount..<end
            var marks = [Bool](repeating: false, count: columnCount)
            for index in lowest(count, scores, row) { marks[index - row.lowerBound] = true }
            removed += marks
        }
        return removed
    }

    private static func groups(
        _ scores: [Float], columnCount: Int, kept: Int, size: Int
    ) -> [Bool] {
        var removed = [Bool](repeating: false, count: scores.count)
        guard columnCount > 0 else { return removed }
        for row in stride(from: 0, to: scores.count, by: columnCount) {
            for first in stride(from: row, to: row + columnCount, by: size) {
                let range = first..<min(row + columnCount, first + size)
                let count = SparsityPattern.removed(from: range.count, kept: kept, of: size)
                for index in lowest(count, scores, range) { removed[index] = true }
            }
        }
        return removed
    }

    /// The indices of the least scores of a range; of equal ones the first.
    static func lowest(_ count: Int, _ scores: [Float], _ range: Range<Int>) -> ArraySlice<Int> {
        guard count > 0 else { return [] }
        return range.sorted { (scores[$0], $0) < (scores[$1], $1) }.prefix(count)
    }
}

/// The blocks of a matrix; those at the right and lower edges may be smaller.
struct BlockGrid {
    let rowCount: Int
    let columnCount: Int
    let rows: Int
    let columns: Int

    /// Blocks side by side.
    var across: Int { (columnCount + columns - 1) / columns }
    var down: Int { (rowCount + rows - 1) / rows }

    /// The mean of each block, `[down, across]`.
    func means(of scores: [Float]) -> [Float] {
        var sums = [Float](repeating: 0, count: down * across)
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                sums[row / rows * across + column / columns] += scores[row * columnCount + column]
            }
        }
        for block in sums.indices {
            let height = min(rows, rowCount - block / across * rows)
            let width = min(columns, columnCount - block % across * columns)
            sums[block] /= Float(height * width)
        }
        return sums
    }

    /// What holds of a block, for each of its weights.
    func expanded(_ marks: [Bool]) -> [Bool] {
        var expanded: [Bool] = []
        expanded.reserveCapacity(rowCount * columnCount)
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                expanded.append(marks[row / rows * across + column / columns])
            }
        }
        return expanded
    }
}
