import Tensors

/// Rounds the weights of a product one input after the other, and moves the error of each to the
/// inputs that are still to come, where the calibration data lets them make up for it.
///
/// With H = Σ x · xᵀ + damping and H⁻¹ = Uᵀ · U (U upper triangular), for each row w and each input
/// i in descending order of H[i,i]:
///
///     code = round(w[i] / scale),   e = (w[i] − scale · code) / U[i,i],   w[j] −= e · U[i,j] for j > i
///
/// Of the codes beside w[i] / scale the one is taken for which e² + λ · bits(code) is least, where
/// λ = 0 makes it the nearest.
///
/// Source: Frantar et al. 2023 (arXiv 2210.17323), with their activation order.
struct GPTQRounding {
    private let factor: InverseFactor
    private var size: Int { factor.size }

    /// - Parameters:
    ///   - moments: Σ x · xᵀ over the calibration rows.
    ///   - damping: Share of the mean diagonal that is added to it.
    /// - Returns: nil if the matrix stays singular.
    init?(moments: SymmetricMatrix, damping: Double = 0.01) {
        guard
            let factor = InverseFactor(moments: moments, damping: damping, order: .byActivation)
        else { return nil }
        self.factor = factor
    }

    /// What the square of an error of one weight costs at the output (`InverseFactor`).
    var meanErrorCost: Double { factor.meanErrorCost }

    /// Rounds a matrix.
    ///
    /// - Parameters:
    ///   - weights: `[rows, size]`
    ///   - grid: With a scale for each row.
    ///   - bits: λ times the length in the file of the codes −limit … limit; nil for the nearest.
    ///   - keepsZeros: Whether weights that are 0 get the code 0 whatever the others would make up
    ///     with them; what that costs moves on like any other error.
    /// - Returns: Codes `[rows, size]`.
    func codes(
        _ weights: [Float], grid: CodeGrid, codeCosts bits: [Float]? = nil, keepsZeros: Bool = false
    ) -> [Int8] {
        let rowCount = grid.scales.count
        var codes = [Int8](repeating: 0, count: rowCount * size)
        codes.withUnsafeMutableBufferPointer { codes in
            nonisolated(unsafe) let codes = codes
            // A few rows at a time share what they read of U.
            Parallel.forEachRange(of: rowCount, grain: 8) { rows in
                for first in stride(from: rows.lowerBound, to: rows.upperBound, by: 8) {
                    round(
                        weights, rows: first..<min(rows.upperBound, first + 8), grid: grid,
                        bits: bits, keepsZeros: keepsZeros, into: codes)
                }
            }
        }
        return codes
    }

    private func round(
        _ weights: [Float], rows: Range<Int>, grid: CodeGrid, bits: [Float]?,
        keepsZeros: Bool, into codes: UnsafeMutableBufferPointer<Int8>
    ) {
        var remaining = [Float](repeating: 0, count: rows.count * size)
        for (position, row) in rows.enumerated() {
            for (index, input) in factor.order.enumerated() {
                remaining[position * size + index] = weights[row * size + input]
            }
        }
        let steps = rows.map { grid.steps(row: $0) }
        remaining.withUnsafeMutableBufferPointer { remaining in
            factor.upper.withUnsafeBufferPointer { upper in
                for index in 0..<size {
                    let factors = upper.baseAddress! + index * size
                    for (position, row) in rows.enumerated() {
                        guard grid.scales[row] > 0 else { continue }
                        let step = steps[position][factor.order[index]]
                        let w = remaining.baseAddress! + position * size
                        let place = row * size + factor.order[index]
                        let code =
                            step == 0 || keepsZeros && weights[place] == 0
                            ? 0
                            : chosenCode(
                                w[index], scale: step, factor: factors[index], grid: grid,
                                bits: bits)
                        codes[place] = Int8(code)
                        let error = (w[index] - step * code) / factors[index]
                        for later in index + 1..<max(index + 1, size) {
                            w[later] -= error * factors[later]
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func chosenCode(
        _ weight: Float, scale: Float, factor: Float, grid: CodeGrid, bits: [Float]?
    ) -> Float {
        let nearest = grid.code(weight, scale: scale)
        guard let bits, nearest != 0 else { return nearest }
        func cost(_ code: Float) -> Float {
            let error = (weight - scale * code) / factor
            return error * error + bits[Int(code) - grid.lowest]
        }
        // Nothing shorter lies farther out: codes get longer with their magnitude.
        let inner = nearest > 0 ? nearest - 1 : nearest + 1
        var best = cost(inner) < cost(nearest) ? inner : nearest
        if cost(0) < cost(best) { best = 0 }
        return best
    }
}
