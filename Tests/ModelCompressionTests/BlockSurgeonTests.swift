import Tensors
import Testing

@testable import ModelCompression

@Suite struct BlockSurgeonTests {
    private func expect(
        _ found: [BlockSurgeon.Level], _ expected: [UnitsReference.Level],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.count == expected.count, sourceLocation: sourceLocation)
        for (found, expected) in zip(found, expected) {
            #expect(found.kept == expected.kept, sourceLocation: sourceLocation)
            #expect(
                relativeDifference(found.weights, expected.weights) < 1e-9,
                sourceLocation: sourceLocation)
            #expect(
                abs(found.loss - expected.loss) <= 1e-9 * max(1, expected.loss),
                sourceLocation: sourceLocation)
        }
    }

    /// The first twelve inputs alone.
    private var small: (weights: [Double], moments: SymmetricMatrix) {
        let rows = (0..<UnitsReference.outputs).flatMap { row in
            UnitsReference.weights[row * UnitsReference.inputs..<row * UnitsReference.inputs + 12]
        }
        return (rows, UnitsReference.moments.selecting(Array(0..<12)))
    }

    private func surgeon(groupSize: Int) throws -> BlockSurgeon {
        try #require(
            BlockSurgeon(
                weights: UnitsReference.weights, moments: UnitsReference.moments,
                groupSize: groupSize))
    }

    // MARK: - Against numpy

    @Test func groupsGoAsInTheReference() throws {
        let expected = try UnitsReference.read().surgeon.groupsOfFour
        try #require(expected.map(\.kept.count) == [6, 5, 3, 1, 0])
        var surgeon = try surgeon(groupSize: 4)
        expect(surgeon.levels([6, 5, 3, 1, 0]), expected)
    }

    @Test func onlyTheGroupsThatMayGoDo() throws {
        let expected = try UnitsReference.read().surgeon.someGroupsOfFour
        // Two groups must stay, so the third level is the second again.
        try #require(expected.map(\.kept.count) == [4, 2, 2])
        var surgeon = try surgeon(groupSize: 4)
        expect(surgeon.levels([4, 2, 1], taking: [0, 2, 3, 5]), expected)
    }

    @Test func singleInputsGoAsInTheReference() throws {
        let expected = try UnitsReference.read().surgeon.oneByOne
        try #require(expected.map(\.kept.count) == Array((0..<12).reversed()))
        var surgeon = try #require(
            BlockSurgeon(weights: small.weights, moments: small.moments, groupSize: 1))
        expect(surgeon.levels(expected.map(\.kept.count)), expected)
    }

    @Test func singleInputsThatGoTogetherAreTheCheapestAlone() throws {
        let expected = try UnitsReference.read().surgeon.atOnce
        try #require(expected.map(\.kept.count) == [5])
        var surgeon = try #require(
            BlockSurgeon(weights: small.weights, moments: small.moments, groupSize: 1))
        expect(surgeon.levels([5]), expected)
    }

    // MARK: - Whatever goes

    @Test(arguments: [1, 2, 5], [3, 17, 91] as [UInt64])
    func whatIsLeftIsTheLeastSquaresOptimum(groupSize: Int, seed: UInt64) throws {
        let product = RandomProduct(outputs: 4, inputs: 40, seed: seed)
        let weights = product.weights.map { Double($0) }
        var moments = product.moments
        moments.addToDiagonal(0.1 * moments.meanOfDiagonal)
        var surgeon = try #require(
            BlockSurgeon(weights: weights, moments: moments, groupSize: groupSize))
        let groups = 40 / groupSize
        let counts = [groups - 1, groups / 2, 2, 1]
        var lost = 0.0
        for (level, count) in zip(surgeon.levels(counts), counts) {
            #expect(level.kept.count == count && level.kept == level.kept.sorted())
            let columns = level.kept.flatMap { $0 * groupSize..<($0 + 1) * groupSize }
            let best = optimum(weights, moments, kept: columns)
            #expect(relativeDifference(level.weights, best) < 1e-8)
            let loss = lossOf(best, kept: columns, weights: weights, moments: moments)
            #expect(abs(level.loss - loss) < 1e-8 * loss)
            #expect(loss > lost)
            lost = loss
        }
    }

    @Test func whatGoesInStepsGoesAtOnce() throws {
        var (steps, once) = (try surgeon(groupSize: 4), try surgeon(groupSize: 4))
        let first = steps.levels([4])[0]
        let second = steps.levels([1])[0]
        let levels = once.levels([4, 1])
        for (found, expected) in zip([first, second], levels) {
            #expect(found.kept == expected.kept && found.weights == expected.weights)
            #expect(found.loss == expected.loss)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 6, 8, 12, 24])
    func withoutInputsTheWholeSignalIsLost(groupSize: Int) throws {
        var surgeon = try surgeon(groupSize: groupSize)
        let levels = surgeon.levels([24 / groupSize, 0])
        #expect(levels[0].weights == UnitsReference.weights && levels[0].loss == 0)
        #expect(levels[0].kept == Array(0..<24 / groupSize))
        #expect(levels[1].kept.isEmpty && levels[1].weights.isEmpty)
        let signal = lossOf(
            [], kept: [], weights: UnitsReference.weights, moments: UnitsReference.moments)
        #expect(abs(levels[1].loss - signal) < 1e-9 * signal)
    }

    @Test func withNothingToTakeAllStays() throws {
        var surgeon = try surgeon(groupSize: 4)
        let level = surgeon.levels([2], taking: [])[0]
        #expect(level.kept == Array(0..<6) && level.weights == UnitsReference.weights)
        #expect(level.loss == 0)
    }

    @Test func singularMomentsHaveNoSurgeon() {
        let singular = SymmetricMatrix(size: 2, values: [1, 1, 1, 1])
        #expect(BlockSurgeon(weights: [1, 2], moments: singular, groupSize: 1) == nil)
        let invalid = SymmetricMatrix(size: 2, values: [1, 0, 0, .nan])
        #expect(BlockSurgeon(weights: [1, 2], moments: invalid, groupSize: 2) == nil)
        let whole = SymmetricMatrix(size: 2, values: [1, 0, 0, 1])
        #expect(BlockSurgeon(weights: [1, 2], moments: whole, groupSize: 0) == nil)
    }

    @Test func inputsThatHangOnNothingElseGoWithTheirOwnEnergy() throws {
        // With a diagonal H the score of a group is Σ w² · h, and nothing makes up for it.
        let diagonal = SymmetricMatrix(
            size: 4,
            values: [
                4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 2,
            ])
        var surgeon = try #require(
            BlockSurgeon(
                weights: [1, 1, 1, 1, 2, 1, 0, 3], moments: diagonal, groupSize: 2))
        // Inputs 0 and 1: (1 + 4) · 4 + (1 + 1) · 1; inputs 2 and 3: 1 · 9 + (1 + 9) · 2.
        let level = surgeon.levels([1])[0]
        #expect(level.kept == [1] && abs(level.loss - 22) < 1e-12)
        #expect(relativeDifference(level.weights, [1, 1, 0, 3]) < 1e-12)
    }
}
