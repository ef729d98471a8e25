import ModelGraph

/// The numbers that the codes of a weight matrix stand for: scale · code with |code| ≤ limit, one
/// scale per row; of 4-bit codes, scale · (multiplier · code).
struct CodeGrid: Sendable {
    /// Largest code, 1…127; smaller limits cost fewer bits in the file.
    let limit: Int
    /// Smallest code.
    let lowest: Int
    let columnCount: Int
    /// One per row; 0 for a row of zeros.
    var scales: [Float] = []
    /// One per row and group of columns (`QuantizedRows`); 0 for a group of zeros.
    var multipliers: [Int8]?

    init(limit: Int, lowest: Int, columnCount: Int) {
        (self.limit, self.lowest, self.columnCount) = (limit, lowest, columnCount)
    }

    /// Scales with which the largest weight of each row gets the largest code.
    ///
    /// - Parameters:
    ///   - weights: `[rows, columns]`
    ///   - rowCount: Says how many rows there are where there are no columns.
    ///   - distances: Of neighbouring numbers, one per row: no scale is smaller.
    init(
        limit: Int, weights: [Float], columnCount: Int, rowCount: Int = 0,
        distances: [Float]? = nil
    ) {
        self.init(limit: limit, lowest: -limit, columnCount: columnCount)
        let rowCount = columnCount == 0 ? rowCount : weights.count / columnCount
        scales = (0..<rowCount).map { row in
            var largest: Float = 0
            for weight in weights[row * columnCount..<(row + 1) * columnCount] {
                largest = max(largest, abs(weight))
            }
            return Self.usable(max(largest / Float(limit), distances?[row] ?? 0))
        }
    }

    /// Below the smallest normal number a row counts as zero: its scale would not survive a CPU
    /// that flushes denormals.
    static func usable(_ scale: Float) -> Float {
        scale >= Float.leastNormalMagnitude ? scale : 0
    }

    /// What the scale of a row is multiplied with, for each of its columns.
    func multiples(row: Int) -> [Float] {
        guard let multipliers else { return [Float](repeating: 1, count: columnCount) }
        let groupCount = QuantizedRows.groupCount(columnCount)
        return (0..<columnCount).map { column in
            Float(multipliers[row * groupCount + column / QuantizedRows.groupSize])
        }
    }

    /// What one more in a code adds to the number, for each column of a row.
    func steps(row: Int) -> [Float] {
        let scale = scales[row]
        return multiples(row: row).map { scale * $0 }
    }

    /// The nearest code, ties to even.
    @inline(__always)
    func code(_ weight: Float, scale: Float) -> Float {
        max(Float(lowest), min(Float(limit), (weight / scale).rounded(.toNearestOrEven)))
    }

    /// Nearest codes of a matrix `[rows, columns]`.
    func nearestCodes(_ weights: [Float], columnCount: Int) -> [Int8] {
        var codes = [Int8](repeating: 0, count: weights.count)
        for row in scales.indices where scales[row] > 0 {
            for (column, step) in steps(row: row).enumerated() where step != 0 {
                let index = row * columnCount + column
                codes[index] = Int8(code(weights[index], scale: step))
            }
        }
        return codes
    }

    /// The matrix that codes of this grid are.
    func rows(_ codes: [Int8]) -> QuantizedRows {
        QuantizedRows(
            rowCount: scales.count, columnCount: columnCount, codes: codes, scales: scales,
            multipliers: multipliers)
    }
}
