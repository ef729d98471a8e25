import Glibc

/// Looks for the strength of a recipe that keeps a budget.
///
/// Two things are varied, one after the other, because each decides one target nearly alone:
///
/// 1. with a target for the time, the share of the multiply-accumulates that is left, which the time
///    follows in a straight line (`keep`);
/// 2. with a target for the size, or for the drop alone, the step of the grids, with whose logarithm
///    the size falls (`step`).
///
/// A size that the largest step does not reach is reached by dropping heads and neurons as well.
///
/// Each is found between a value that is too mild and one that is too strong. A candidate that misses
/// the size or the time asks for more strength, one that misses the drop for less; where both are
/// missed, the larger miss decides. One that meets everything is made milder, since its size or time
/// has room for better answers; with the drop as the only target it is made stronger.
///
/// Nothing relies on the measurements being monotone: the best of all that were tried is chosen, and
/// their number is bounded.
package struct BudgetSearch {
    package static let candidateLimit = 8

    let budget: Budget
    let space: StrengthSpace
    /// About the size of a candidate, in bytes; where the first one is looked for.
    let estimate: (RecipeStrength) -> Double

    package init(
        _ budget: Budget, in space: StrengthSpace,
        estimate: @escaping (RecipeStrength) -> Double
    ) {
        self.budget = budget
        self.space = space
        self.estimate = estimate
    }

    /// What was tried, in this order; at least one candidate.
    package struct Outcome: Sendable {
        package internal(set) var candidates: [BudgetCandidate] = []
        /// The one to be written.
        package internal(set) var best = 0
    }

    /// Runs the search.
    ///
    /// - Parameter measure: Makes and measures a candidate; is told how many were measured before.
    package func run<Failure: Error>(
        _ measure: (RecipeStrength, _ index: Int) throws(Failure) -> CandidateFacts
    ) throws(Failure) -> Outcome {
        var outcome = Outcome()
        var next: RecipeStrength? = first
        while let strength = next, outcome.candidates.count < Self.candidateLimit {
            let candidate = BudgetCandidate(
                strength, try measure(strength, outcome.candidates.count), budget: budget)
            outcome.candidates.append(candidate)
            if candidate.isBetter(than: outcome.candidates[outcome.best], for: budget) {
                outcome.best = outcome.candidates.count - 1
            }
            next = self.next(after: outcome.candidates)
        }
        return outcome
    }

    // MARK: - What is tried next

    /// What is tried first.
    package var first: RecipeStrength {
        let keep = space.keeps.upperBound
        if let target = budget.byteCount {
            return RecipeStrength(
                step: estimatedStep(for: Double(target), keep: keep, in: space.steps), keep: keep)
        }
        let isDropOnly = budget.milliseconds == nil
        return RecipeStrength(
            step: isDropOnly ? Self.middle(space.steps) : space.steps.lowerBound, keep: keep)
    }

    private func next(after candidates: [BudgetCandidate]) -> RecipeStrength? {
        guard let last = candidates.last else { return first }
        var keep = last.strength.keep
        if budget.milliseconds != nil {
            // Some are left for the size.
            let isLate =
                budget.byteCount != nil && candidates.count >= Self.candidateLimit / 2
            let found = nextKeep(candidates, target: .milliseconds, mayTry: !isLate)
            if found.isNew {
                let step =
                    budget.byteCount.map {
                        estimatedStep(
                            for: Double($0), keep: found.keep, in: space.steps, correctedBy: last)
                    } ?? space.steps.lowerBound
                return RecipeStrength(step: step, keep: found.keep)
            }
            keep = found.keep
            guard budget.byteCount != nil else { return nil }
        }
        if let step = nextStep(candidates.filter { $0.strength.keep == keep }, keep: keep) {
            return RecipeStrength(step: step, keep: keep)
        }
        // Where the largest step is not enough for a size, fewer heads and neurons may be.
        let strongest = candidates.filter { $0.strength.step == space.steps.upperBound }
        guard budget.byteCount != nil, !strongest.isEmpty, strongest.allSatisfy(asksForMore)
        else { return nil }
        let found = nextKeep(strongest, target: .byteCount, mayTry: true)
        guard found.isNew else { return nil }
        return RecipeStrength(step: space.steps.upperBound, keep: found.keep)
    }

    // MARK: - Heads and neurons

    /// How near to its target a time is near enough, and the least difference that counts.
    private static let timeSlack = 0.05
    private static let leastKeepDifference = 0.03
    /// The part of the time that does not shrink with heads and neurons, for a first guess.
    private static let fixedShare = 0.1

    /// The share to be tried next for a target of time or size, or the one to stay with.
    private func nextKeep(
        _ candidates: [BudgetCandidate], target: Budget.Target, mayTry: Bool
    ) -> (isNew: Bool, keep: Double) {
        let isTime = target == .milliseconds
        let limit = (isTime ? budget.milliseconds : budget.byteCount.map(Double.init)) ?? .infinity
        let slack = isTime ? Self.timeSlack : Self.sizeSlack
        // From the largest share that is too strong to the smallest that is too mild.
        var strong: (keep: Double, cost: Double, drop: Double)?
        var mild: (keep: Double, cost: Double)?
        var mildCount = 0
        var met: Double?
        for candidate in candidates {
            let keep = candidate.strength.keep
            let cost =
                isTime ? candidate.facts.milliseconds ?? .nan : Double(candidate.facts.byteCount)
            let over = budget.excess(target, candidate.facts)
            if over == 0 {
                met = max(met ?? 0, keep)
                if cost >= limit * (1 - slack) { return (false, keep) }
            }
            let drop = budget.excess(.drop, candidate.facts)
            if over > drop {
                mildCount += 1
                if keep < mild?.keep ?? .infinity { mild = (keep, cost) }
            } else if keep > strong?.keep ?? 0 {
                strong = (keep, cost, drop)
            }
        }
        let settled = (
            false, met ?? candidates.map(\.strength.keep).min() ?? space.keeps.upperBound
        )
        if strong?.keep == space.keeps.upperBound || mild?.keep == space.keeps.lowerBound || !mayTry
        {
            return settled
        }
        let low = strong?.keep ?? space.keeps.lowerBound
        let high = mild?.keep ?? space.keeps.upperBound
        guard low + Self.leastKeepDifference < high else { return settled }
        let aim = limit * (1 - slack / 2)
        var keep = (low + high) / 2
        if let strong, let mild, strong.drop == 0, strong.cost < aim, aim < mild.cost {
            keep = low + (aim - strong.cost) / (mild.cost - strong.cost) * (high - low)
        } else if let mild, strong == nil, mild.cost.isFinite {
            let fixed = isTime ? Self.fixedShare * mild.cost : fixedBytes(mild.cost, mild.keep)
            keep = mild.keep * (aim - fixed) / (mild.cost - fixed)
            // Guesses that were too mild again and again end with the strongest.
            if mildCount > 2 || !(keep > space.keeps.lowerBound) {
                return (true, space.keeps.lowerBound)
            }
        }
        // Away from the ends, so that what is between them surely becomes less.
        let margin = min(0.01, (high - low) / 4)
        keep = (min(high - margin, max(low + margin, keep)) * 100).rounded() / 100
        guard !candidates.contains(where: { $0.strength.keep == keep }) else { return settled }
        return (true, keep)
    }

    /// The bytes that do not shrink with heads and neurons, at the largest step.
    private func fixedBytes(_ bytes: Double, _ keep: Double) -> Double {
        let (all, half) = (
            estimate(RecipeStrength(step: space.steps.upperBound, keep: keep)),
            estimate(RecipeStrength(step: space.steps.upperBound, keep: keep / 2))
        )
        return max(0, bytes - 2 * (all - half))
    }

    // MARK: - Size and drop

    /// How near to its target a size is near enough, and the least ratio of steps that counts, for a
    /// size and for a drop, whose measurement is coarser.
    private static let sizeSlack = 0.02
    private static let leastSizeRatio = 1.01
    private static let leastDropRatio = 1.15

    /// The step to be tried next; nil where no other is worth it.
    private func nextStep(_ candidates: [BudgetCandidate], keep: Double) -> Double? {
        var mild: BudgetCandidate?
        var strong: BudgetCandidate?
        for candidate in candidates.sorted(by: { $0.strength.step < $1.strength.step }) {
            // A stronger one that is too mild counts for more than a milder one that was too strong.
            if asksForMore(candidate) {
                mild = candidate
                strong = nil
            } else if strong == nil {
                strong = candidate
            }
        }
        let target = budget.byteCount.map(Double.init)
        if let strong, let target, strong.isWithinBudget,
            Double(strong.facts.byteCount) >= target * (1 - Self.sizeSlack)
        {
            return nil
        }
        let (lowest, highest) = (space.steps.lowerBound, space.steps.upperBound)
        if strong?.strength.step == lowest || mild?.strength.step == highest { return nil }
        let low = mild?.strength.step ?? lowest
        let high = strong?.strength.step ?? highest
        let least = target == nil ? Self.leastDropRatio : Self.leastSizeRatio
        guard low * least < high else {
            // Everything was too strong, and the mildest was not tried yet.
            return mild == nil && low < high ? lowest : nil
        }
        var step = Self.middle(low...high)
        // Where it is the drop that asks for less, the size says nothing about where to look.
        if let target, strong.map({ budget.excess(.drop, $0.facts) == 0 }) ?? true {
            step = sizedStep(target, mild: mild, strong: strong, keep: keep, in: low...high) ?? step
            if mild == nil && step == lowest || strong == nil && step == highest { return step }
        }
        let margin = pow(high / low, 0.05)
        step = Self.rounded(min(high / margin, max(low * margin, step)))
        return candidates.contains { $0.strength.step == step } ? nil : step
    }

    private func asksForMore(_ candidate: BudgetCandidate) -> Bool {
        let (size, drop) = (
            budget.excess(.byteCount, candidate.facts), budget.excess(.drop, candidate.facts)
        )
        if size == drop { return budget.byteCount == nil && drop == 0 }
        return size > drop
    }

    /// The step at which the file should be just within the target.
    private func sizedStep(
        _ target: Double, mild: BudgetCandidate?, strong: BudgetCandidate?, keep: Double,
        in range: ClosedRange<Double>
    ) -> Double? {
        let aim = target * (1 - Self.sizeSlack / 4)
        guard let mild, let strong else {
            guard let known = mild ?? strong else { return nil }
            return estimatedStep(for: target, keep: keep, in: range, correctedBy: known)
        }
        let (more, less) = (Double(mild.facts.byteCount), Double(strong.facts.byteCount))
        guard more > aim, aim > less else { return nil }
        let share = (more - aim) / (more - less)
        return range.lowerBound * pow(range.upperBound / range.lowerBound, share)
    }

    /// The step at which the estimate is just within the target, one of the ends if none is.
    ///
    /// - Parameter known: A candidate whose size was measured; what the estimate is off by there, in
    ///   parts of it, is taken for what it is off by everywhere.
    private func estimatedStep(
        for target: Double, keep: Double, in range: ClosedRange<Double>,
        correctedBy known: BudgetCandidate? = nil
    ) -> Double {
        let aim = target * (1 - Self.sizeSlack / 4)
        let factor = known.map { Double($0.facts.byteCount) / max(1, estimate($0.strength)) } ?? 1
        func expected(_ step: Double) -> Double {
            factor * estimate(RecipeStrength(step: step, keep: keep))
        }
        func fits(_ step: Double) -> Bool { expected(step) <= aim }
        if expected(range.lowerBound) <= target { return range.lowerBound }
        if !fits(range.upperBound) { return range.upperBound }
        var (low, high) = (range.lowerBound, range.upperBound)
        for _ in 0..<40 {
            let step = Self.middle(low...high)
            if fits(step) { high = step } else { low = step }
        }
        return min(range.upperBound, max(range.lowerBound, Self.rounded(high)))
    }

    private static func middle(_ range: ClosedRange<Double>) -> Double {
        rounded((range.lowerBound * range.upperBound).squareRoot())
    }

    /// Four digits after the point are finer than any size can tell.
    private static func rounded(_ step: Double) -> Double {
        (step * 10_000).rounded() / 10_000
    }
}
