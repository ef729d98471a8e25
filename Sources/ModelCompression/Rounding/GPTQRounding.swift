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
    /// U, rows and columns in the order of `order`, `[size, size]`.
    private let upper: [Float]
    /// Inputs in the order in which they are rounded.
    private let order: [Int]
    private let size: Int

    /// - Parameters:
    ///   - moments: Σ x · xᵀ over the calibration rows.
    ///   - damping: Share of the mean diagonal that is added to it.
    /// - Returns: nil if the matrix stays singular.
    init?(moments: SymmetricMatrix, damping: Double = 0.01) {
        size = moments.size
        let diagonal = moments.diagonal
        order = diagonal.indices.sorted { (diagonal[$1], $0) < (diagonal[$0], $1) }
        var sorted = moments.selecting(order)
        // Inputs that are always zero count as independent of the others.
        for index in 0..<size where sorted[index, index] == 0 { sorted[index, index] = 1 }
        sorted.addToDiagonal(damping * moments.meanOfDiagonal)
        guard let inverse = CholeskyFactor(sorted)?.inverse,
            let factor = CholeskyFactor(inverse)?.lower
        else {
            return nil
        }
        // H⁻¹ = L · Lᵀ, and U is the transposed L.
        var upper = [Float](repeating: 0, count: size * size)
        for row in 0..<size {
            for column in row..<size {
                upper[row * size + column] = Float(factor[column * size + row])
            }
        }
        self.upper = upper
    }

    /// Mean of 1 / U[i,i]²: what the square of an error of one weight costs at the output, after
    /// the others made up for it.
    var meanErrorCost: Double {
        guard size > 0 else { return 0 }
        var sum = 0.0
        for index in 0..<size {
            let factor = Double(upper[index * size + index])
            sum += 1 / (factor * factor)
        }
        return sum / Double(size)
    }

    /// Rounds a matrix.
    ///
    /// - Parameters:
    ///   - weights: `[rows, size]`
    ///   - grid: With a scale for each row.
    ///   - bits: λ times the length in the file of the codes −limit … limit; nil for the nearest.
    /// - Returns: Codes `[rows, size]`.
    func codes(_ weights: [Float], grid: CodeGrid, codeCosts bits: [Float]? = nil) -> [Int8] {
        let rowCount = grid.scales.count
        var codes = [Int8](repeating: 0, count: rowCount * size)
        codes.withUnsafeMutableBufferPointer { codes in
            nonisolated(unsafe) let codes = codes
            // A few rows at a time share what they read of U.
            Parallel.forEachRange(of: rowCount, grain: 8) { rows in
                for first in stride(from: rows.lowerBound, to: rows.upperBound, by: 8) {
                    round(
                        weights, rows: first..<min(rows.upperBound, first + 8), grid: grid,
                        bits: bits, into: codes)
                }
            }
        }
        return codes
    }

    private func round(
        _ weights: [Float], rows: Range<Int>, grid: CodeGrid, bits: [Float]?,
        into codes: UnsafeMutableBufferPointer<Int8>
    ) {
        var remaining = [Float](repeating: 0, count: rows.count * size)
        for (position, row) in rows.enumerated() {
            for (index, input) in order.enumerated() {
                remaining[position * size + index] = weights[row * size + input]
            }
        }
        remaining.withUnsafeMutableBufferPointer { remaining in
            upper.withUnsafeBufferPointer { upper in
                for index in 0..<size {
                    let factors = upper.baseAddress! + index * size
                    for (position, row) in rows.enumerated() {
                        let scale = grid.scales[row]
                        guard scale > 0 else { continue }
                        let w = remaining.baseAddress! + position * size
                        let code = chosenCode(
                            w[index], scale: scale, factor: factors[index], grid: grid, bits: bits)
                        codes[row * size + order[index]] = Int8(code)
                        let error = (w[index] - scale * code) / factors[index]
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
            return error * error + bits[Int(code) + grid.limit]
        }
        // Nothing shorter lies farther out: codes get longer with their magnitude.
        let inner = nearest > 0 ? nearest - 1 : nearest + 1
        var best = cost(inner) < cost(nearest) ? inner : nearest
        if cost(0) < cost(best) { best = 0 }
        return best
    }
}
