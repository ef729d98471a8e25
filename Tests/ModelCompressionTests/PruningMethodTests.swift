import Tensors
import Testing

@testable import ModelCompression

/// Single methods against numpy, and the rules of patterns.
@Suite struct PruningMethodTests {
    private func expectMarks(
        _ values: [Float], _ name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let reference = try PruningReference()
        let marks = try reference.marks(name)
        #expect(values.map { $0 == 0 } == marks, sourceLocation: sourceLocation)
        for (index, value) in values.enumerated() where !marks[index] {
            #expect(value == reference.weights[index], sourceLocation: sourceLocation)
        }
    }

    private func expectNumbers(
        _ values: [Float], _ name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let numbers = try PruningReference().numbers(name)
        #expect(values.map { $0 == 0 } == numbers.map { $0 == 0 }, sourceLocation: sourceLocation)
        let worst = zip(values, numbers).map { abs(Double($0) - $1) }.max()
        #expect((worst ?? 1) < 2e-4, sourceLocation: sourceLocation)
    }

    // MARK: - Against numpy

    @Test(arguments: ["unstructured", "2:4"])
    func magnitudeIsThatOfNumpy(pattern: String) throws {
        let pruned = PruneWeights.magnitude(
            try PruningReference().weight, try #require(SparsityPattern(pattern)), sparsity: 0.6)
        try expectMarks(pruned, pattern == "2:4" ? "magnitude 2:4" : "magnitude 0.6")
    }

    @Test(arguments: ["unstructured", "3:5"])
    func wandaIsThatOfNumpy(pattern: String) throws {
        let reference = try PruningReference()
        let pruned = PruneWeights.wanda(
            reference.weight, squares: reference.squares, try #require(SparsityPattern(pattern)),
            sparsity: 0.6)
        try expectMarks(pruned, pattern == "3:5" ? "wanda 3:5" : "wanda 0.6")
    }

    @Test(arguments: [
        ("unstructured", 0.6, "sparsegpt 0.6"), ("2:4", 0.5, "sparsegpt 2:4"),
        ("2x4", 0.5, "sparsegpt 2x4 0.5"),
    ])
    func sparseGPTIsThatOfNumpy(pattern: String, sparsity: Double, name: String) throws {
        let reference = try PruningReference()
        let pattern = try #require(SparsityPattern(pattern))
        let solver = try #require(SparseGPT(moments: reference.moments, pattern: pattern))
        try expectNumbers(solver.pruned(reference.weights, sparsity: sparsity), name)
    }

    @Test func theFitOfWhatIsLeftIsThatOfNumpy() throws {
        let reference = try PruningReference()
        let pruned = zip(reference.weights, try reference.marks("wanda 0.6")).map { $1 ? 0 : $0 }
        let refit = MaskedRefit(moments: reference.moments, ridge: 0.1)
        try expectNumbers(refit.refitted(pruned, targets: reference.cross), "refit")
    }

    // MARK: - Zeros in later rounding

    private func prunedAndGrid(
        _ reference: PruningReference
    ) throws -> (weights: [Float], grid: CodeGrid) {
        let pruned = zip(reference.weights, try reference.marks("wanda 0.6")).map { $1 ? 0 : $0 }
        return (
            pruned, CodeGrid(limit: 7, weights: pruned, columnCount: PruningReference.inputs)
        )
    }

    @Test func roundingThatKeepsZerosIsThatOfNumpy() throws {
        let reference = try PruningReference()
        let (weights, grid) = try prunedAndGrid(reference)
        let rounding = try #require(GPTQRounding(moments: reference.moments))
        let codes = rounding.codes(weights, grid: grid, keepsZeros: true)
        #expect(codes.map { Double($0) } == (try reference.numbers("codes")))
        let filled = rounding.codes(weights, grid: grid)
        #expect(zip(filled, weights).contains { $0 != 0 && $1 == 0 })
    }

    @Test func descentKeepsZeros() throws {
        let reference = try PruningReference()
        let (weights, grid) = try prunedAndGrid(reference)
        let descent = CoordinateDescent(moments: reference.moments)
        func refined(keepsZeros: Bool) -> [Int8] {
            var (codes, grid) = (
                grid.nearestCodes(weights, columnCount: PruningReference.inputs), grid
            )
            descent.refine(
                &codes, grid: &grid, weights: weights, sweeps: 4, fitsScales: true,
                keepsZeros: keepsZeros)
            return codes
        }
        let kept = refined(keepsZeros: true)
        #expect(zip(kept, weights).allSatisfy { $0 == 0 || $1 != 0 })
        #expect(kept != grid.nearestCodes(weights, columnCount: PruningReference.inputs))
        #expect(zip(refined(keepsZeros: false), weights).contains { $0 != 0 && $1 == 0 })
    }

    // MARK: - Patterns

    @Test func patternsAreRead() {
        #expect(SparsityPattern("unstructured") == .unstructured)
        #expect(SparsityPattern("2:4") == .groups(kept: 2, of: 4))
        #expect(SparsityPattern("1:64") == .groups(kept: 1, of: 64))
        #expect(SparsityPattern("4x8") == .blocks(rows: 4, columns: 8))
        #expect(SparsityPattern("block") == .blocks(rows: 16, columns: 4))
        #expect(SparsityPattern("1:4")?.fixedSparsity == 0.75)
        for text in ["", "4:4", "5:4", "0:4", "2:65", "2:4:8", "x4", "0x4", "65x1", "2 :4"] {
            #expect(SparsityPattern(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [(2, 4), (1, 4), (3, 7), (63, 64)])
    func groupsKeepTheirNumber(kept: Int, size: Int) throws {
        let reference = try PruningReference()
        let pattern = SparsityPattern.groups(kept: kept, of: size)
        let solver = try #require(SparseGPT(moments: reference.moments, pattern: pattern))
        for values in [
            PruneWeights.magnitude(reference.weight, pattern, sparsity: 0),
            PruneWeights.wanda(reference.weight, squares: reference.squares, pattern, sparsity: 0),
            solver.pruned(reference.weights, sparsity: 0),
        ] {
            for row in 0..<PruningReference.rows {
                for first in stride(from: 0, to: PruningReference.inputs, by: size) {
                    let group = first..<min(PruningReference.inputs, first + size)
                    let zeros = group.count { values[row * PruningReference.inputs + $0] == 0 }
                    #expect(zeros == group.count * (size - kept) / size)
                }
            }
        }
    }

    @Test func blocksGoAsAWhole() throws {
        let reference = try PruningReference()
        // Neither rows nor columns are multiples of the block.
        let pattern = SparsityPattern.blocks(rows: 4, columns: 5)
        let solver = try #require(SparseGPT(moments: reference.moments, pattern: pattern))
        for values in [
            PruneWeights.magnitude(reference.weight, pattern, sparsity: 0.5),
            PruneWeights.wanda(
                reference.weight, squares: reference.squares, pattern, sparsity: 0.5),
            solver.pruned(reference.weights, sparsity: 0.5),
        ] {
            var removed = 0
            for block in 0..<2 * 28 {
                let rows = block / 28 * 4..<min(6, block / 28 * 4 + 4)
                let columns = block % 28 * 5..<min(136, block % 28 * 5 + 5)
                let zeros = rows.flatMap { row in
                    columns.map { values[row * PruningReference.inputs + $0] == 0 }
                }
                #expect(Set(zeros).count == 1)
                if zeros[0] { removed += 1 }
            }
            #expect(removed == 28)
        }
    }

    @Test(arguments: [0, 0.1, 0.29, 0.5, 0.777, 1])
    func sparsityIsExact(sparsity: Double) throws {
        let reference = try PruningReference()
        let expected = Int((sparsity * Double(reference.weights.count)).rounded())
        let solver = try #require(SparseGPT(moments: reference.moments, pattern: .unstructured))
        for values in [
            PruneWeights.magnitude(reference.weight, .unstructured, sparsity: sparsity),
            PruneWeights.wanda(
                reference.weight, squares: reference.squares, .unstructured, sparsity: sparsity),
            solver.pruned(reference.weights, sparsity: sparsity),
        ] {
            #expect(values.count { $0 == 0 } == expected)
        }
    }

    @Test func theSmallestScoresAreThoseOfASort() {
        var scores = SmallModel.random([1_000], seed: 3).values.map(\.magnitude)
        for index in stride(from: 0, to: 1_000, by: 3) { scores[index] = scores[index % 7] }
        scores[5] = 0
        scores[500] = .leastNonzeroMagnitude
        scores[501] = .greatestFiniteMagnitude
        let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
        for count in [0, 1, 2, 3, 17, 400, 999, 1_000] {
            var expected = [Bool](repeating: false, count: 1_000)
            for index in order.prefix(count) { expected[index] = true }
            #expect(SmallestScores.mark(count, of: scores) == expected)
        }
    }

    // MARK: - Allocation

    @Test func allocationFindsTheCheapestSplit() {
        let distribution = SparsityAllocation(around: 0.5, reach: 0.2, step: 0.1)
        #expect(distribution.grid.count == 5)
        // Convex, of one size: every split of whole steps can be tried.
        let curves = [[1, 2, 4, 9, 20], [1, 1.5, 2.5, 4, 6], [5, 9, 14, 22, 40.0]]
        var least = Double.infinity
        for a in 0..<5 {
            for b in 0..<5 where (0..<5).contains(6 - a - b) {
                least = min(least, curves[0][a] + curves[1][b] + curves[2][6 - a - b])
            }
        }
        let found = distribution.sparsities(
            curves.map { .init(weightCount: 100, errors: $0) }, sparsity: 0.5)
        #expect(abs(found.reduce(0, +) - 1.5) < 1e-9)
        let cost = zip(curves, found).reduce(0.0) { $0 + $1.0[Int(($1.1 * 10).rounded()) - 3] }
        #expect(abs(cost - least) < 1e-9)
    }

    @Test func allocationMeetsTheMeanForAnySizes() {
        let distribution = SparsityAllocation(around: 0.8, reach: 0.15)
        #expect(distribution.grid.allSatisfy { $0 <= 0.95 + 1e-9 && $0 >= 0.65 - 1e-9 })
        var curves: [SparsityAllocation.Curve] = []
        for index in 0..<9 {
            // Some of them not convex.
            let steps = SmallModel.random([distribution.grid.count], seed: UInt64(index + 1)).values
            var (sum, errors) = (0.0, [Double]())
            for step in steps {
                sum += Double(step.magnitude)
                errors.append(sum)
            }
            curves.append(.init(weightCount: 100 * (index + 1), errors: errors))
        }
        let found = distribution.sparsities(curves, sparsity: 0.8)
        let removed = zip(curves, found).reduce(0.0) { $0 + Double($1.0.weightCount) * $1.1 }
        #expect(abs(removed - 0.8 * 4_500) < 1e-6)
        #expect(Set(found).count > 2)
    }
}
