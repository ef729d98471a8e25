/// A recipe that was tried, and what came of it.
package struct BudgetCandidate: Equatable, Sendable {
    package let strength: RecipeStrength
    package let facts: CandidateFacts
    package let misses: [Budget.Miss]

    package init(_ strength: RecipeStrength, _ facts: CandidateFacts, budget: Budget) {
        self.strength = strength
        self.facts = facts
        misses = budget.misses(facts)
    }

    package var isWithinBudget: Bool { misses.isEmpty }

    /// Whether this one is to be written rather than the other; false where neither is better.
    ///
    /// Within the budget comes before beyond it.
    ///
    /// * Within a budget of size or time, the better one is nearer to the original's answers; where
    ///   that is not known or equal, the one that dropped less, then the one with the smaller step.
    /// * Within a budget of the drop alone, it is the smaller file, then the faster model.
    /// * Beyond the budget, it is the one whose largest relative miss is smaller, then the one whose
    ///   misses together are, then as within.
    package func isBetter(than other: BudgetCandidate, for budget: Budget) -> Bool {
        let (left, right) = (ranks(for: budget), other.ranks(for: budget))
        for (one, two) in zip(left, right) where one != two { return one < two }
        return false
    }

    /// What is compared, the most important first; less is better, and nothing is NaN.
    private func ranks(for budget: Budget) -> [Double] {
        let worst = misses.map(\.relative).max() ?? 0
        let sum = misses.reduce(0) { $0 + $1.relative }
        let distance = facts.answerDistance.flatMap { $0.isNaN ? nil : $0 } ?? .infinity
        let size = Double(facts.byteCount)
        guard budget.byteCount != nil || budget.milliseconds != nil else {
            return [worst, sum, size, strength.keep, distance]
        }
        return [worst, sum, distance, -strength.keep, strength.step, size]
    }
}
