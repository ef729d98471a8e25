import Glibc

/// Divides the bits of a model among its matrices so that the loss is least: reverse water-filling.
///
/// A matrix of n weights rounded to steps of s standard deviations loses c · s² and costs
/// n · (const − log₂ s) bits. With all bits together fixed, the sum of the losses is least where each
/// matrix loses the same per weight: s ∝ √(n / c). Cover and Thomas 2006, "Elements of Information
/// Theory", 10.3.3.
enum StepAllocation {
    struct Matrix {
        let weightCount: Int
        /// c: the loss at a step of one standard deviation, if it went on growing with the square.
        let loss: Double
    }

    /// - Parameters:
    ///   - mean: The step that would cost as many bits if all had it.
    ///   - reach: No step is farther from the mean than by this factor: where the loss is hardly
    ///     measurable it is not to be believed.
    /// - Returns: A step for each matrix.
    static func steps(_ matrices: [Matrix], mean: Double, reach: Double) -> [Double] {
        let count = Double(matrices.reduce(0) { $0 + $1.weightCount })
        guard count > 0, mean > 0, reach > 1 else { return matrices.map { _ in mean } }
        let largest = matrices.map { $0.loss / Double(max(1, $0.weightCount)) }.max() ?? 0
        let wanted = matrices.map { matrix -> Double in
            let density = matrix.loss / Double(max(1, matrix.weightCount))
            // Anything that loses nothing measurable stops at the reach.
            return -0.5 * log(max(density, largest * 1e-9, .leastNormalMagnitude))
        }
        let bound = log(reach)
        func logarithms(_ level: Double) -> [Double] {
            wanted.map { min(bound, max(-bound, $0 + level)) }
        }
        // The mean logarithm grows with the level from −bound to bound.
        var (low, high) = (-bound - (wanted.max() ?? 0), bound - (wanted.min() ?? 0))
        for _ in 0..<100 {
            let level = (low + high) / 2
            var sum = 0.0
            for (matrix, logarithm) in zip(matrices, logarithms(level)) {
                sum += Double(matrix.weightCount) / count * logarithm
            }
            if sum < 0 { low = level } else { high = level }
        }
        return logarithms((low + high) / 2).map { mean * exp($0) }
    }
}
