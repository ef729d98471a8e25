import Tensors

/// Improves codes one at a time until no single change lessens the error of the product's output.
///
/// With e = w − scale · code and G = e · H, input j alone is best served by the error
/// e[j] − G[j] / H[j,j]; the code nearest to it is taken, which never makes eᵀ·H·e larger. After each
/// sweep the scale of a row becomes (codeᵀ·H·w) / (codeᵀ·H·code), its own optimum.
///
/// Source: Zhang et al. 2024 (arXiv 2403.07134, COMQ), warm-started from other codes.
struct CoordinateDescent {
    private let moments: SymmetricMatrix
    private let floats: [Float]
    private let order: [Int]

    /// - Parameter moments: Σ x · xᵀ over the calibration rows, damped.
    init(moments: SymmetricMatrix) {
        self.moments = moments
        floats = moments.values.map { Float($0) }
        let diagonal = moments.diagonal
        order = diagonal.indices.sorted { (diagonal[$1], $0) < (diagonal[$0], $1) }
    }

    /// - Parameters:
    ///   - codes: `[rows, size]`, changed in place.
    ///   - grid: Its scales are changed in place if `fitsScales`.
    ///   - weights: What the codes stand for, `[rows, size]`.
    ///   - bits: λ times the length in the file of the codes −limit … limit; nil for the error alone.
    ///   - keepsZeros: Whether the codes of weights that are 0 stay as they are.
    func refine(
        _ codes: inout [Int8], grid: inout CodeGrid, weights: [Float], sweeps: Int,
        fitsScales: Bool, codeCosts bits: [Float]? = nil, keepsZeros: Bool = false
    ) {
        let size = moments.size
        let range = Float(grid.lowest)...Float(grid.limit)
        // The scales change meanwhile, what they are multiplied with does not.
        let unchanged = grid
        codes.withUnsafeMutableBufferPointer { codes in
            grid.scales.withUnsafeMutableBufferPointer { scales in
                nonisolated(unsafe) let (codes, scales) = (codes, scales)
                Parallel.forEachRange(of: scales.count, grain: 4) { rows in
                    for row in rows where scales[row] > 0 {
                        let place = row * size..<(row + 1) * size
                        let code = UnsafeMutableBufferPointer(rebasing: codes[place])
                        let factors = unchanged.multiples(row: row)
                        for _ in 0..<sweeps {
                            let scale = scales[row]
                            let changed = sweep(
                                code, steps: factors.map { scale * $0 },
                                weights: weights[place], range: range, bits: bits,
                                keepsZeros: keepsZeros)
                            if fitsScales {
                                scales[row] = fittedScale(
                                    code, factors, scale: scale, weights: weights[place])
                            }
                            if !changed { break }
                        }
                    }
                }
            }
        }
    }

    /// - Returns: Whether a code changed.
    private func sweep(
        _ codes: UnsafeMutableBufferPointer<Int8>, steps: [Float], weights: ArraySlice<Float>,
        range: ClosedRange<Float>, bits: [Float]?, keepsZeros: Bool
    ) -> Bool {
        let size = moments.size
        var errors = [Float](repeating: 0, count: size)
        for index in 0..<size {
            errors[index] = weights[weights.startIndex + index] - steps[index] * Float(codes[index])
        }
        var gradient = product(errors)
        var changed = false
        for index in order {
            let (curvature, step) = (floats[index * size + index], steps[index])
            guard curvature > 0, step != 0 else { continue }
            let weight = weights[weights.startIndex + index]
            if keepsZeros, weight == 0 { continue }
            let best = errors[index] - gradient[index] / curvature
            let code = chosenCode(
                (weight - best) / step, curvature: curvature * step * step, range: range,
                bits: bits)
            guard code != codes[index] else { continue }
            let change = step * (Float(codes[index]) - Float(code))
            codes[index] = code
            errors[index] += change
            changed = true
            gradient.withUnsafeMutableBufferPointer { gradient in
                floats.withUnsafeBufferPointer { floats in
                    let row = floats.baseAddress! + index * size
                    for other in 0..<size { gradient[other] += change * row[other] }
                }
            }
        }
        return changed
    }

    @inline(__always)
    private func chosenCode(
        _ value: Float, curvature: Float, range: ClosedRange<Float>, bits: [Float]?
    ) -> Int8 {
        let nearest = max(
            range.lowerBound, min(range.upperBound, value.rounded(.toNearestOrEven)))
        guard let bits, nearest != 0 else { return Int8(nearest) }
        func cost(_ code: Float) -> Float {
            curvature * (value - code) * (value - code) + bits[Int(code - range.lowerBound)]
        }
        let inner = nearest > 0 ? nearest - 1 : nearest + 1
        var best = cost(inner) < cost(nearest) ? inner : nearest
        if cost(0) < cost(best) { best = 0 }
        return Int8(best)
    }

    private func fittedScale(
        _ codes: UnsafeMutableBufferPointer<Int8>, _ factors: [Float], scale: Float,
        weights: ArraySlice<Float>
    ) -> Float {
        let multiples = zip(codes, factors).map { Float($0) * $1 }
        let image = product(multiples)
        var (mixed, square) = (0.0, 0.0)
        for index in codes.indices {
            mixed += Double(image[index]) * Double(weights[weights.startIndex + index])
            square += Double(image[index]) * Double(multiples[index])
        }
        guard square > 0, mixed > 0 else { return scale }
        let fitted = CodeGrid.usable(Float(mixed / square))
        return fitted > 0 ? fitted : scale
    }

    /// vᵀ · H.
    private func product(_ vector: [Float]) -> [Float] {
        let size = moments.size
        var product = [Float](repeating: 0, count: size)
        product.withUnsafeMutableBufferPointer { product in
            floats.withUnsafeBufferPointer { floats in
                for index in 0..<size where vector[index] != 0 {
                    let row = floats.baseAddress! + index * size
                    let factor = vector[index]
                    for other in 0..<size { product[other] += factor * row[other] }
                }
            }
        }
        return product
    }
}
