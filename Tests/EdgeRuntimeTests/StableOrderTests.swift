import Testing

@testable import EdgeRuntime

@Suite struct StableOrderTests {
    @Test(arguments: [1, 2, 5, 1000])
    func ordersAreThoseOfTheStandardLibrary(kinds: Int) {
        var random = RandomNumbers(seed: UInt64(kinds))
        for count in 0...70 {
            let keys = (0..<count).map { _ in random.below(kinds) }
            // That sort is stable (SE-0372).
            #expect(
                stableOrder(of: count) { keys[$0] < keys[$1] }
                    == keys.indices.sorted { keys[$0] < keys[$1] })
            #expect(
                stableOrder(of: count) { keys[$0] > keys[$1] }
                    == keys.indices.sorted { keys[$0] > keys[$1] })
        }
    }
}
