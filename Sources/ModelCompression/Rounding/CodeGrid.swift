/// The numbers that the codes of a weight matrix stand for: scale · code with |code| ≤ limit, one
/// scale per row.
struct CodeGrid: Sendable {
    /// Largest code, 1…127. Smaller limits cost fewer bits in the file.
    let limit: Int
    /// One per row; 0 for a row of zeros.
    var scales: [Float]

    /// Scales with which the largest weight of each row gets the largest code.
    ///
    /// - Parameters:
    ///   - weights: `[rows, columns]`
    ///   - distances: Of neighbouring numbers, one per row: no scale is smaller.
    init(limit: Int, weights: [Float], columnCount: Int, distances: [Float]? = nil) {
        self.limit = limit
        let rowCount = columnCount == 0 ? 0 : weights.count / columnCount
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

    /// The nearest code, ties to even.
    @inline(__always)
    func code(_ weight: Float, scale: Float) -> Float {
        let bound = Float(limit)
        return max(-bound, min(bound, (weight / scale).rounded(.toNearestOrEven)))
    }

    /// Nearest codes of a matrix `[rows, columns]`.
    func nearestCodes(_ weights: [Float], columnCount: Int) -> [Int8] {
        var codes = [Int8](repeating: 0, count: weights.count)
        for row in scales.indices where scales[row] > 0 {
            for index in row * columnCount..<(row + 1) * columnCount {
                codes[index] = Int8(code(weights[index], scale: scales[row]))
            }
        }
        return codes
    }
}
