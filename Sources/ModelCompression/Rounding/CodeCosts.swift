import Glibc

/// What codes cost in the file, in the currency of the error that rounding makes.
///
/// A code of probability p takes −log₂ p bits, which the entropy coder of the container reaches
/// within a few per cent. One bit more per weight halves the step, which lessens the error energy
/// D = cost · Δ² / 12 at the rate −dD/dR = 2 · ln 2 · D = cost · Δ² · ln 2 / 6: the price λ of a bit at
/// rate 1. Sullivan 1996, "Efficient scalar quantization of exponential and Laplacian random
/// variables".
enum CodeCosts {
    /// λ · bits of the codes −limit … limit.
    ///
    /// - Parameters:
    ///   - codes: Whose distribution counts.
    ///   - scale: Δ, of a typical row.
    ///   - errorCost: Cost of the square of an error.
    static func costs(
        of codes: [Int8], limit: Int, scale: Float, errorCost: Double, rate: Double
    ) -> [Float] {
        var counts = [Double](repeating: 1, count: 2 * limit + 1)
        for code in codes { counts[Int(code) + limit] += 1 }
        let total = counts.reduce(0, +)
        let price = rate * errorCost * Double(scale) * Double(scale) * M_LN2 / 6
        return counts.map { Float(-price * log2($0 / total)) }
    }
}
