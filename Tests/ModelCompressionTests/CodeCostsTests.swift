import Testing

@testable import ModelCompression

@Suite struct CodeCostsTests {
    @Test func costsAreThoseOfNumpy() throws {
        let cases = try RoundingReference.read().costs
        try #require(cases.count == 2)
        for expected in cases {
            let found = CodeCosts.costs(
                of: expected.codes, limit: expected.limit, scale: expected.scale,
                errorCost: expected.errorCost, rate: expected.rate)
            try #require(found.count == 2 * expected.limit + 1)
            for (cost, wanted) in zip(found, expected.costs) {
                #expect(abs(Double(cost) - wanted) <= 1e-6 * wanted)
            }
        }
    }

    @Test func rareCodesCostMoreAndNoneIsFree() {
        let codes: [Int8] = [0, 0, 0, 0, 0, 1, 1, -1]
        let costs = CodeCosts.costs(
            of: codes, limit: 2, scale: 1, errorCost: 1, rate: 1)
        #expect(costs[2] > 0 && costs[2] < costs[3] && costs[3] < costs[1] && costs[1] < costs[0])
        #expect(costs[0] == costs[4] && costs[0].isFinite)
    }

    @Test func theRateIsAFactor() {
        let codes: [Int8] = [0, 1, 0, -2]
        let once = CodeCosts.costs(of: codes, limit: 2, scale: 0.5, errorCost: 3, rate: 1)
        let twice = CodeCosts.costs(of: codes, limit: 2, scale: 0.5, errorCost: 3, rate: 2)
        #expect(twice == once.map { 2 * $0 })
        let none = CodeCosts.costs(of: codes, limit: 2, scale: 0.5, errorCost: 3, rate: 0)
        #expect(none.allSatisfy { $0 == 0 })
    }
}
