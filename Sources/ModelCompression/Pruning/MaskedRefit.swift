import Tensors

/// The weights that are left of a product, fitted anew to its original output.
///
/// For each row the kept weights w minimize
///
///     Σ (w · (x − x̄) − (t − t̄))² + Σ Λ[j] · (w[j] − w₀[j])²
///
/// over the calibration rows: w of (S + Λ) · w = T + Λ · w₀, rows and columns of removed weights
/// left out, with the centred moments S = Σ (x−x̄)(x−x̄)ᵀ and T = Σ (t−t̄)(x−x̄)ᵀ. Λ is that
/// of `RidgeFit`. Each row has its own system, so instead of factors of all of them, conjugate gradients (Hestenes and Stiefel
/// 1952, scaled by the diagonal) go on in all rows at once, one matrix product per step. Every step
/// lessens the error, so they may end early.
///
/// Wanda and SparseGPT find what may go; this is the update that belongs to a finished mask
/// (Frantar and Alistarh 2023, §3.1, there called too expensive for models of their size).
struct MaskedRefit {
    private static let steps = 48
    /// Share of the first gradient, squared, at which a row is done.
    private static let tolerance = 1e-10

    /// S + Λ, `[inputs, inputs]`.
    private let system: SymmetricMatrix
    /// Λ, `[inputs]`.
    private let penalties: [Double]

    /// - Parameters:
    ///   - moments: S.
    ///   - ridge: As in `RidgeFit`.
    init(moments: SymmetricMatrix, ridge: Double) {
        penalties = RidgeFit.penalties(moments, ridge: ridge)
        var system = moments
        for (index, penalty) in penalties.enumerated() { system[index, index] += penalty }
        self.system = system
    }

    /// - Parameters:
    ///   - weights: w₀, zeros where they were removed, `[rows, inputs]`; also where it begins.
    ///   - targets: T, `[rows, inputs]`.
    /// - Returns: `[rows, inputs]`
    func refitted(_ weights: [Float], targets: [Double]) -> [Float] {
        let size = system.size
        guard size > 0 else { return weights }
        let rowCount = weights.count / size
        var solution = weights.map { Double($0) }
        let image = product(solution, rowCount)
        // Minus the gradient, 0 where a weight was removed.
        var residual = solution.indices.map { index in
            weights[index] == 0
                ? 0 : targets[index] + penalties[index % size] * solution[index] - image[index]
        }
        let scales = system.diagonal.map { 1 / max($0, .leastNormalMagnitude) }
        var direction = residual.indices.map { residual[$0] * scales[$0 % size] }
        var energies = (0..<rowCount).map { row in
            (row * size..<(row + 1) * size).reduce(0) { $0 + residual[$1] * direction[$1] }
        }
        let bounds = energies.map { $0 * Self.tolerance }
        for _ in 0..<Self.steps {
            guard zip(energies, bounds).contains(where: { $0 > $1 }) else { break }
            let image = product(direction, rowCount)
            solution.withUnsafeMutableBufferPointer { solution in
                residual.withUnsafeMutableBufferPointer { residual in
                    direction.withUnsafeMutableBufferPointer { direction in
                        energies.withUnsafeMutableBufferPointer { energies in
                            nonisolated(unsafe) let (solution, residual, direction, energies) = (
                                solution, residual, direction, energies
                            )
                            Parallel.forEachRange(of: rowCount, grain: 8) { rows in
                                for row in rows where energies[row] > bounds[row] {
                                    let range = row * size..<(row + 1) * size
                                    step(
                                        &energies[row], .init(rebasing: solution[range]),
                                        .init(rebasing: residual[range]),
                                        .init(rebasing: direction[range]), image[range],
                                        weights[range], scales)
                                }
                            }
                        }
                    }
                }
            }
        }
        return zip(solution, weights).map { $1 == 0 ? 0 : Float($0) }
    }

    /// One step of one row.
    private func step(
        _ energy: inout Double, _ solution: UnsafeMutableBufferPointer<Double>,
        _ residual: UnsafeMutableBufferPointer<Double>,
        _ direction: UnsafeMutableBufferPointer<Double>, _ image: ArraySlice<Double>,
        _ weights: ArraySlice<Float>, _ scales: [Double]
    ) {
        var curvature = 0.0
        for index in direction.indices {
            curvature += direction[index] * image[image.startIndex + index]
        }
        guard curvature > 0 else {
            energy = 0
            return
        }
        let length = energy / curvature
        var next = 0.0
        for index in direction.indices where weights[weights.startIndex + index] != 0 {
            solution[index] += length * direction[index]
            residual[index] -= length * image[image.startIndex + index]
            next += residual[index] * residual[index] * scales[index]
        }
        let share = next / energy
        for index in direction.indices {
            direction[index] = residual[index] * scales[index] + share * direction[index]
        }
        energy = next
    }

    private func product(_ rows: [Double], _ rowCount: Int) -> [Double] {
        MatrixProduct.multiply(
            rows, system.values, rows: rowCount, columns: system.size, depth: system.size)
    }
}
