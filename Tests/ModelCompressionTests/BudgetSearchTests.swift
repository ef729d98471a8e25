import Testing

@testable import ModelCompression

/// The search over models of the measurements that are written down here, so that what it should find
/// follows from them.
@Suite struct BudgetSearchTests {
    private static let space = StrengthSpace(steps: 0.02...1, keeps: 0.05...1)

    /// Halving the step adds a bit to each of a million weights.
    private static func bytes(_ strength: RecipeStrength) -> Int {
        var bits = 2.0
        var step = strength.step
        while step < 0.999 {
            bits += 1
            step *= 2
        }
        // Straight lines between powers of two are monotone and near enough.
        bits -= (step - 0.999) / 1.0
        return 100_000 + Int(strength.keep * bits * 1_000_000 / 8)
    }

    private static func milliseconds(_ strength: RecipeStrength) -> Double {
        0.5 + 9.5 * strength.keep
    }

    private static func distance(_ strength: RecipeStrength) -> Double {
        strength.step * strength.step + (1 - strength.keep) * (1 - strength.keep)
    }

    private func search(
        _ budget: Budget, estimate: @escaping (RecipeStrength) -> Double = { Double(bytes($0)) },
        drop: @escaping (RecipeStrength) -> Double? = { _ in nil },
        time: @escaping (RecipeStrength) -> Double? = { _ in nil },
        bytes: @escaping (RecipeStrength) -> Int = BudgetSearchTests.bytes,
        distance: @escaping (RecipeStrength) -> Double? = BudgetSearchTests.distance
    ) -> BudgetSearch.Outcome {
        BudgetSearch(budget, in: Self.space, estimate: estimate).run { strength, _ in
            CandidateFacts(
                byteCount: bytes(strength), milliseconds: time(strength), drop: drop(strength),
                answerDistance: distance(strength))
        }
    }

    private func best(_ outcome: BudgetSearch.Outcome) -> BudgetCandidate {
        outcome.candidates[outcome.best]
    }

    /// What holds of every search.
    private func expectSound(
        _ outcome: BudgetSearch.Outcome, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let strengths = outcome.candidates.map(\.strength)
        #expect((1...8).contains(strengths.count), sourceLocation: sourceLocation)
        #expect(
            Set(strengths).count == strengths.count, "nothing is tried twice: \(strengths)",
            sourceLocation: sourceLocation)
        for strength in strengths {
            #expect(
                Self.space.steps.contains(strength.step)
                    && Self.space.keeps.contains(strength.keep), "\(strength)",
                sourceLocation: sourceLocation)
        }
    }

    // MARK: - Size

    @Test(
        "A size is met and nearly used up, however wrong the estimate is",
        arguments: [
            0.3, 0.7, 0.9, 1, 1.1, 1.5, 3,
        ])
    func aSizeIsMet(factor: Double) {
        for target in stride(from: 350_000, through: 900_000, by: 50_000) {
            let outcome = search(
                Budget(byteCount: target), estimate: { factor * Double(Self.bytes($0)) })
            expectSound(outcome)
            let found = best(outcome).facts.byteCount
            #expect(found <= target)
            #expect(Double(found) >= 0.98 * Double(target), "\(target): \(outcome.candidates)")
        }
    }

    @Test func aSizeThatTheMildestHasIsMetByIt() {
        let mildest = RecipeStrength(step: 0.02, keep: 1)
        let exact = search(Budget(byteCount: Self.bytes(mildest)))
        expectSound(exact)
        #expect(best(exact).strength == mildest && best(exact).isWithinBudget)
        let ample = search(Budget(byteCount: 10_000_000))
        #expect(ample.candidates.map(\.strength) == [mildest])
    }

    @Test func aSizeThatOnlyTheStrongestHasIsMetByIt() {
        let strongest = RecipeStrength(step: 1, keep: 1)
        let outcome = search(Budget(byteCount: Self.bytes(strongest)))
        expectSound(outcome)
        #expect(best(outcome).strength == strongest && best(outcome).isWithinBudget)
    }

    @Test func aSizeBeyondTheLargestStepIsMetWithFewerHeads() {
        let outcome = search(Budget(byteCount: 200_000))
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.isWithinBudget && found.facts.byteCount > 180_000)
        #expect(found.strength.keep < 1)
    }

    @Test func aSizeThatCannotBeMetIsMissedByTheLeast() throws {
        let strongest = RecipeStrength(step: 1, keep: 0.05)
        let target = Self.bytes(strongest) - 1000
        for factor in [0.2, 1, 4] {
            let outcome = search(
                Budget(byteCount: target), estimate: { factor * Double(Self.bytes($0)) })
            expectSound(outcome)
            let found = best(outcome)
            #expect(found.strength == strongest)
            let miss = try #require(found.misses.first)
            #expect(found.misses.count == 1 && miss.target == .byteCount)
            #expect(miss.found - miss.limit == 1000)
            #expect(abs(miss.relative - 1000 / Double(target)) < 1e-12)
        }
    }

    @Test func amongThoseWithinTheBudgetTheNearestAnswersWin() {
        // Not monotone: what is a little coarser happens to answer better.
        let outcome = search(
            Budget(byteCount: 600_000), estimate: { 2 * Double(Self.bytes($0)) },
            distance: { 1 / $0.step })
        expectSound(outcome)
        let within = outcome.candidates.filter(\.isWithinBudget)
        #expect(within.count > 1)
        #expect(best(outcome).strength.step == within.map(\.strength.step).max())
    }

    @Test func withoutKnownAnswersTheSmallestStepWins() {
        let outcome = search(
            Budget(byteCount: 600_000), estimate: { 2 * Double(Self.bytes($0)) },
            distance: { _ in nil })
        let within = outcome.candidates.filter(\.isWithinBudget)
        #expect(best(outcome).strength.step == within.map(\.strength.step).min())
    }

    @Test("Measurements that jump neither stop the search nor hide the best", arguments: 0..<50)
    func jumpingSizesAreSurvived(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let target = 300_000 + Int(generator.next() % 600_000)
        var sizes: [RecipeStrength: Int] = [:]
        let outcome = search(
            Budget(byteCount: target, drop: 0.01),
            drop: { _ in [Double.nan, 0, 0.005, 0.02][sizes.count % 4] },
            bytes: { strength in
                let size = Int(generator.next() % 1_000_000)
                sizes[strength] = size
                return size
            })
        expectSound(outcome)
        for other in outcome.candidates {
            #expect(
                !other.isBetter(
                    than: best(outcome), for: Budget(byteCount: target, drop: 0.01)))
        }
    }

    @Test func aConstantSizeEndsTheSearch() {
        for size in [1, 500_000, 2_000_000] {
            expectSound(search(Budget(byteCount: 500_000), bytes: { _ in size }))
        }
    }

    // MARK: - Drop

    @Test("Within a drop the smallest file is found", arguments: [0.03, 0.06, 0.1, 0.3, 0.8])
    func aDropIsUsedUp(boundary: Double) {
        let outcome = search(Budget(drop: 0.01), drop: { 0.01 * $0.step / boundary })
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.isWithinBudget)
        #expect(found.strength.step <= boundary && found.strength.step * 1.2 >= boundary)
        #expect(found.strength.keep == 1)
    }

    @Test func aDropThatOnlyTheMildestKeepsIsKeptByIt() {
        let outcome = search(Budget(drop: 0.01), drop: { $0.step > 0.02 ? 0.011 : 0.01 })
        expectSound(outcome)
        #expect(best(outcome).strength == RecipeStrength(step: 0.02, keep: 1))
        #expect(best(outcome).isWithinBudget)
    }

    @Test func aDropThatNothingKeepsIsMissedByTheLeast() throws {
        let outcome = search(Budget(drop: 0.01), drop: { 0.02 + $0.step })
        expectSound(outcome)
        #expect(best(outcome).strength.step == 0.02)
        let miss = try #require(best(outcome).misses.first)
        #expect(miss.target == .drop && abs(miss.found - 0.04) < 1e-12)
        #expect(abs(miss.relative - 3) < 1e-12)
    }

    @Test func aNegativeDropIsWithinEveryBudget() {
        let outcome = search(Budget(drop: 0), drop: { $0.step < 0.1 ? -0.001 : 0.001 })
        #expect(best(outcome).isWithinBudget && best(outcome).strength.step < 0.1)
        // A drop of 0.1 points where none is allowed is a miss of one.
        let missed = search(Budget(drop: 0), drop: { _ in 0.001 })
        #expect(best(missed).misses.first?.relative == 1)
    }

    @Test func answersThatAreNoNumbersAreMilderToBe() {
        let outcome = search(Budget(drop: 0.01), drop: { $0.step > 0.05 ? .nan : 0 })
        expectSound(outcome)
        #expect(best(outcome).isWithinBudget)
        let hopeless = search(Budget(drop: 0.01), drop: { _ in .nan }, distance: { _ in .nan })
        expectSound(hopeless)
        #expect(best(hopeless).misses.first?.relative == .infinity)
    }

    @Test func ofEqualFilesTheFasterWins() {
        let budget = Budget(drop: 0.1)
        let facts = CandidateFacts(byteCount: 10, drop: 0)
        let slow = BudgetCandidate(RecipeStrength(step: 0.1, keep: 1), facts, budget: budget)
        let fast = BudgetCandidate(RecipeStrength(step: 0.1, keep: 0.5), facts, budget: budget)
        #expect(fast.isBetter(than: slow, for: budget) && !slow.isBetter(than: fast, for: budget))
        #expect(!fast.isBetter(than: fast, for: budget))
    }

    // MARK: - Time

    @Test("A time is met and nearly used up", arguments: [2.0, 3, 5, 7.5, 9, 9.99])
    func aTimeIsMet(target: Double) {
        let outcome = search(Budget(milliseconds: target), time: Self.milliseconds)
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.isWithinBudget && found.strength.step == 0.02)
        #expect(Self.milliseconds(found.strength) >= 0.9 * target, "\(outcome.candidates)")
    }

    @Test func aTimeThatTheWholeModelHasIsMetByIt() {
        let outcome = search(Budget(milliseconds: 10), time: Self.milliseconds)
        #expect(outcome.candidates.map(\.strength) == [RecipeStrength(step: 0.02, keep: 1)])
        #expect(best(outcome).isWithinBudget)
    }

    @Test func aTimeThatCannotBeMetIsMissedByTheLeast() throws {
        let outcome = search(Budget(milliseconds: 0.5), time: Self.milliseconds)
        expectSound(outcome)
        #expect(best(outcome).strength.keep == 0.05)
        let miss = try #require(best(outcome).misses.first)
        #expect(miss.target == .milliseconds && abs(miss.found - 0.975) < 1e-9)
    }

    @Test("Noise in the time does no more than cost a few per cent", arguments: 0..<30)
    func noisyTimesAreSurvived(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let outcome = search(
            Budget(byteCount: 400_000, milliseconds: 5),
            time: { Self.milliseconds($0) * (1 + Double(generator.next() % 100) / 1000) })
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.misses.allSatisfy { $0.relative < 0.2 }, "\(outcome.candidates)")
    }

    @Test func timesThatAreNoNumbersEndTheSearch() {
        for time in [Double.nan, .infinity, 0] {
            expectSound(search(Budget(milliseconds: 5), time: { _ in time }))
            expectSound(search(Budget(byteCount: 400_000, milliseconds: 5), time: { _ in time }))
        }
    }

    // MARK: - Several targets

    @Test func sizeAndTimeAreMetTogether() {
        for (bytes, time) in [(500_000, 6.0), (300_000, 5), (250_000, 4), (700_000, 9)] {
            let outcome = search(
                Budget(byteCount: bytes, milliseconds: time), time: Self.milliseconds)
            expectSound(outcome)
            let found = best(outcome)
            #expect(found.isWithinBudget, "\(bytes), \(time): \(outcome.candidates)")
            #expect(found.strength.keep < 1)
        }
    }

    @Test func sizeAndDropAreMetTogetherWhereThatIsPossible() {
        let outcome = search(
            Budget(byteCount: 800_000, drop: 0.01), estimate: { 0.5 * Double(Self.bytes($0)) },
            drop: { $0.step / 10 })
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.isWithinBudget && found.facts.byteCount > 784_000)
    }

    @Test func ofSizeAndDropThatExcludeEachOtherBothAreMissedALittle() {
        // The size asks for a step of 0.25 and more, the drop for one below 0.1.
        let budget = Budget(
            byteCount: Self.bytes(RecipeStrength(step: 0.25, keep: 1)), drop: 0.01)
        let outcome = search(budget, drop: { $0.step / 10 })
        expectSound(outcome)
        let found = best(outcome)
        #expect(!found.isWithinBudget)
        // At the ends the misses are 30 % of the size, or 150 % of the drop.
        #expect(found.misses.allSatisfy { $0.relative < 0.3 }, "\(outcome.candidates)")
    }

    @Test func timeAndDropThatExcludeEachOtherBothAreMissedALittle() {
        let outcome = search(
            Budget(milliseconds: 5, drop: 0.01), drop: { (1 - $0.keep) / 10 },
            time: Self.milliseconds)
        expectSound(outcome)
        let found = best(outcome)
        #expect(found.misses.count == 2)
        #expect(found.misses.allSatisfy { $0.relative < 1 }, "\(outcome.candidates)")
        #expect(found.strength.keep > 0.5 && found.strength.keep < 1)
    }

    @Test func whatFailsEndsTheSearchWithItsError() {
        struct Broken: Error {}
        var count = 0
        #expect(throws: Broken.self) {
            _ = try BudgetSearch(
                Budget(byteCount: 1), in: Self.space, estimate: { _ in 1e9 }
            ).run { _, index throws(Broken) in
                #expect(index == count)
                count += 1
                if count == 1 { throw Broken() }
                return CandidateFacts(byteCount: 100)
            }
        }
        #expect(count == 1)
    }
}
