/// The difference of two accuracies on the same examples, with its 95 % confidence interval.
///
/// With b examples that only the reference gets right, c that only the candidate does, and n in all,
/// the difference is (c − b) / n. The interval is that of A. Agresti and Y. Min, "Simple improved
/// confidence intervals for comparing matched proportions", Statistics in Medicine 24 (2005): the
/// Wald interval of the paired differences after ½ is added to each of the four counts,
///
///     m = n + 2, b' = b + ½, c' = c + ½
///     (c' − b') / m ± 1.96 · √(b' + c' − (c' − b')² / m) / m
///
/// which stays honest where few examples differ, or none.
package struct PairedDifference: Equatable, Sendable {
    package let exampleCount: Int
    package let onlyReferenceCorrect: Int
    package let onlyCandidateCorrect: Int

    /// - Precondition: At least one example, and not fewer than those that differ.
    package init(exampleCount: Int, onlyReferenceCorrect: Int, onlyCandidateCorrect: Int) {
        precondition(exampleCount > 0)
        precondition(onlyReferenceCorrect + onlyCandidateCorrect <= exampleCount)
        self.exampleCount = exampleCount
        self.onlyReferenceCorrect = onlyReferenceCorrect
        self.onlyCandidateCorrect = onlyCandidateCorrect
    }

    /// Accuracy of the candidate less that of the reference, −1…1.
    package var estimate: Double {
        Double(onlyCandidateCorrect - onlyReferenceCorrect) / Double(exampleCount)
    }

    /// The 95 % confidence interval of the difference, within −1…1.
    package var interval: ClosedRange<Double> {
        let count = Double(exampleCount + 2)
        let discordant = Double(onlyReferenceCorrect + onlyCandidateCorrect) + 1
        let difference = Double(onlyCandidateCorrect - onlyReferenceCorrect)
        let centre = difference / count
        let halfWidth =
            1.959963984540054 * (discordant - difference * difference / count).squareRoot() / count
        return max(-1, centre - halfWidth)...min(1, centre + halfWidth)
    }
}
