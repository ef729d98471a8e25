import Testing

@testable import ModelCompression

@Suite struct AllocationTests {
    private typealias Option = Allocation.Option

    private func total(_ places: [[Option]], _ choice: [Int]) -> (cost: Double, loss: Double) {
        zip(places, choice).reduce((0, 0)) {
            ($0.0 + $1.0[$1.1].cost, $0.1 + $1.0[$1.1].loss)
        }
    }

    /// The least loss of all combinations within the budget; nil if there is none.
    private func leastLoss(_ places: [[Option]], budget: Double) -> Double? {
        var best: Double?
        var choice = [Int](repeating: 0, count: places.count)
        while true {
            let (cost, loss) = total(places, choice)
            if cost <= budget { best = min(best ?? .infinity, loss) }
            var place = 0
            while place < places.count {
                choice[place] += 1
                if choice[place] < places[place].count { break }
                choice[place] = 0
                place += 1
            }
            if place == places.count { return best }
        }
    }

    private func instance(
        _ generator: inout SplitMix64, cost: (inout SplitMix64) -> Double
    ) -> [[Option]] {
        (0..<Int.random(in: 1...5, using: &generator)).map { _ in
            (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                Option(
                    cost: cost(&generator), loss: Double.random(in: 0...1, using: &generator))
            }
        }
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func wholeCostsAreDividedBestOfAllWays(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let places = instance(&generator) { Double(Int.random(in: 0...9, using: &$0)) }
        for budget in 0...places.count * 9 {
            let best = leastLoss(places, budget: Double(budget))
            let choice = Allocation.choose(places, budget: Double(budget))
            #expect((choice == nil) == (best == nil), "budget \(budget)")
            guard let choice, let best else { continue }
            let found = total(places, choice)
            #expect(found.cost <= Double(budget), "budget \(budget)")
            #expect(abs(found.loss - best) < 1e-12, "budget \(budget)")
        }
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func otherCostsAreDividedAlmostBest(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        let places = instance(&generator) { Double.random(in: 0...1e6, using: &$0) }
        let whole = places.reduce(0.0) { $0 + ($1.map(\.cost).max() ?? 0) }
        for share in [0.05, 0.2, 0.35, 0.5, 0.7, 0.9, 1] {
            let budget = share * whole
            let choice = Allocation.choose(places, budget: budget)
            if let choice {
                let found = total(places, choice)
                #expect(found.cost <= budget * (1 + 1e-9))
                #expect(found.loss >= (leastLoss(places, budget: budget * (1 + 1e-9)) ?? 0) - 1e-12)
            }
            // The grid may hide a thousandth of the budget for every place.
            let tighter = budget * (1 - Double(places.count) / 1000)
            if let best = leastLoss(places, budget: tighter) {
                let found = total(places, try #require(choice))
                #expect(found.loss <= best + 1e-12)
            }
        }
    }

    /// As when so many heads are to be left in all layers together.
    @Test(arguments: [3, 7, 9, 11, 54, 71])
    func aBudgetIsUsedToTheLastUnit(budget: Int) throws {
        // Losses are strictly convex, so every unit that may stay does.
        let places = (0..<6).map { (place: Int) -> [Option] in
            (0...12).map { (count: Int) -> Option in
                let gone = 12 - count
                return Option(cost: Double(count), loss: Double(gone * gone * (place + 1)))
            }
        }
        let choice = try #require(Allocation.choose(places, budget: Double(budget)))
        #expect(total(places, choice).cost == Double(budget))
    }

    @Test func aBudgetForEverythingTakesEverything() throws {
        let places = [7.3, 123.456, 0.001, 99, 1e-3, 55.5].map { whole in
            [0, 1.0 / 3, 0.5, 1].map { Option(cost: whole * $0, loss: 1 - $0) }
        }
        let budget = places.reduce(0.0) { $0 + $1[3].cost }
        #expect(Allocation.choose(places, budget: budget) == [3, 3, 3, 3, 3, 3])
    }

    @Test func aBudgetBelowTheCheapestHasNoChoice() {
        let places = [[Option(cost: 2, loss: 0)], [Option(cost: 3, loss: 0)]]
        #expect(Allocation.choose(places, budget: 4.9) == nil)
        #expect(Allocation.choose(places, budget: 5) == [0, 0])
        #expect(Allocation.choose(places, budget: 0) == nil)
        #expect(Allocation.choose(places, budget: -1) == nil)
    }

    @Test func noBudgetTakesWhatIsFree() {
        let places = [
            [Option(cost: 1, loss: 0), Option(cost: 0, loss: 5)],
            [Option(cost: 0, loss: 2), Option(cost: 0, loss: 1)],
        ]
        #expect(Allocation.choose(places, budget: 0) == [1, 1])
    }

    @Test func noPlacesNeedNoChoice() {
        #expect(Allocation.choose([], budget: 5) == [])
        #expect(Allocation.choose([], budget: 0) == [])
    }

    @Test func lossesThatAreNotKnownAreNotTaken() {
        let unknown = Option(cost: 0, loss: .infinity)
        #expect(
            Allocation.choose([[unknown, Option(cost: 3, loss: 1)], [unknown]], budget: 9) == nil)
        #expect(Allocation.choose([[unknown, Option(cost: 3, loss: 1)]], budget: 9) == [1])
    }
}
