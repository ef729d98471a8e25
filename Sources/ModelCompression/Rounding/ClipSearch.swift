import Tensors

/// Finds for each row the share of its range that the codes should cover: a smaller range clips the
/// largest weights and rounds all others finer.
///
/// Of `shares` times the scale, the one is kept whose nearest codes have the least output error
/// eᵀ · H · e. The search that Nagel et al. 2021 (arXiv 2106.08295, §2.3) describe, with the
/// calibration's H in place of a plain sum of squares.
enum ClipSearch {
    static let shares: [Float] = [1, 0.97, 0.94, 0.91, 0.88, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6]

    /// - Parameters:
    ///   - grid: Its scales are changed in place.
    ///   - weights: `[rows, moments.size]`
    ///   - moments: H, or a diagonal matrix of weights where there is no data.
    static func narrow(_ grid: inout CodeGrid, weights: [Float], moments: SymmetricMatrix) {
        let (size, rowCount) = (moments.size, grid.scales.count)
        let floats = moments.values.map { Float($0) }
        var best = [Float](repeating: .infinity, count: rowCount)
        let full = grid
        for share in shares {
            var candidate = full
            for row in 0..<rowCount {
                candidate.scales[row] = CodeGrid.usable(full.scales[row] * share)
            }
            let codes = candidate.nearestCodes(weights, columnCount: size)
            var errors = weights
            for row in 0..<rowCount {
                for index in row * size..<(row + 1) * size {
                    errors[index] -= candidate.scales[row] * Float(codes[index])
                }
            }
            let energies = outputErrors(errors, floats, size: size)
            for row in 0..<rowCount where energies[row] < best[row] {
                best[row] = energies[row]
                grid.scales[row] = candidate.scales[row]
            }
        }
    }

    /// eᵀ · H · e for each row e.
    static func outputErrors(_ errors: [Float], _ moments: [Float], size: Int) -> [Float] {
        guard size > 0 else { return [] }
        let rowCount = errors.count / size
        var images = [Float](repeating: 0, count: errors.count)
        errors.withUnsafeBufferPointer { errors in
            moments.withUnsafeBufferPointer { moments in
                images.withUnsafeMutableBufferPointer { images in
                    guard let e = errors.baseAddress, let h = moments.baseAddress,
                        let image = images.baseAddress
                    else { return }
                    MatrixProduct.multiply(
                        .init(e, stride: size), .init(h, stride: size), transposed: false,
                        into: image, stride: size, rows: rowCount, columns: size, depth: size)
                }
            }
        }
        return (0..<rowCount).map { row in
            var sum: Float = 0
            for index in row * size..<(row + 1) * size { sum += errors[index] * images[index] }
            return sum
        }
    }
}
