import Testing

@testable import EdgeRuntime

@Suite struct PlacementTests {
    private func lifetimes(seed: UInt64) -> [Lifetime] {
        var random = RandomNumbers(seed: seed)
        let numbers = random.floats(90).map { Int(abs($0) * 1000) }
        return (0..<30).map { index in
            let first = numbers[3 * index] % 20
            return Lifetime(
                byteCount: numbers[3 * index + 1], first: first,
                last: first + numbers[3 * index + 2] % 7)
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func piecesThatLiveAtTheSameTimeDoNotOverlap(seed: UInt64) {
        let lifetimes = lifetimes(seed: seed)
        let placement = Placement(lifetimes)
        for (i, one) in lifetimes.enumerated() {
            #expect(placement.offsets[i] % 64 == 0)
            #expect(placement.offsets[i] + one.byteCount <= placement.byteCount)
            for (j, other) in lifetimes.enumerated() where j < i && one.overlaps(other) {
                #expect(
                    placement.offsets[i] + one.byteCount <= placement.offsets[j]
                        || placement.offsets[j] + other.byteCount <= placement.offsets[i])
            }
        }
    }

    @Test func memoryIsUsedAgain() {
        let placement = Placement([
            Lifetime(byteCount: 1000, first: 0, last: 1),
            Lifetime(byteCount: 500, first: 1, last: 2),
            Lifetime(byteCount: 900, first: 2, last: 3),
            Lifetime(byteCount: 64, first: 2, last: 2),
        ])
        #expect(placement.offsets == [0, 1024, 0, 960])
        #expect(placement.byteCount == 1024 + 512)
    }

    @Test func nothingTakesNothing() {
        #expect(Placement([]).byteCount == 0)
        #expect(Placement([Lifetime(byteCount: 0, first: 0, last: 0)]).offsets == [0])
    }
}
