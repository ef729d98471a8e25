import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct ProductFitTests {
    /// The tables of tools/make_reference_units.py in front of one product.
    private struct Problem {
        let original: Model
        let compressed: Model
        let calibration: CalibrationSet

        init(exact: Tensor? = nil, off: Tensor? = nil, sequenceCount: Int = 32) throws {
            let noise = SmallModel.random([40, 8], seed: 21)
            let mixed = exact ?? Self.mixed(noise)
            let other = SmallModel.random([40, 8], seed: 22)
            var graph = Graph()
            let embedded = graph.append(
                "embeddings", .embedding([EmbeddingTerm(table: "tokens", index: .tokenIDs)]),
                inputs: [], rows: .tokens, columnCount: 8)
            graph.outputs[.hiddenState] = graph.append(
                "product", .linear(Linear(weight: "weight", bias: "bias")), inputs: [embedded],
                rows: .tokens, columnCount: 6)
            var model = Model(
                family: "test", task: .raw, graph: graph, parameters: [:], labels: [],
                maximumTokens: 8, vocabularySize: 40, typeCount: 0,
                checkpoint: try Checkpoint(path: TinyFixture.plain))
            model.set("weight", SmallModel.random([6, 8], seed: 23))
            model.set("bias", SmallModel.random([6], seed: 24))
            model.set("tokens", mixed)
            original = model
            model.set(
                "tokens",
                off
                    ?? Tensor(
                        shape: [40, 8],
                        values: zip(mixed.values, other.values).map { $0 + 0.5 * $1 }))
            compressed = model
            calibration = CalibrationSet(
                (0..<sequenceCount).map { (i: Int) -> TokenSequence in
                    TokenSequence(
                        ids: (0..<3 + i % 6).map { (j: Int) -> Int32 in
                            Int32((7 * i + 11 * j + i * j) % 40)
                        })
                })
        }

        /// Neighbouring columns have much in common.
        private static func mixed(_ noise: Tensor) -> Tensor {
            var mixed = noise
            for index in noise.values.indices {
                let (row, column) = (index / 8, index % 8)
                mixed.values[index] += 0.75 * noise.values[row * 8 + (column + 7) % 8]
            }
            return mixed
        }

        func fit(weighted: Bool = false) throws -> ProductFit {
            let importance =
                weighted
                ? try RowImportance(original, calibration, uniformShare: 0, threadCount: 1) : nil
            var sweep = try CalibrationSweep(
                calibration, original: original, compressed: compressed, importance: importance,
                threadCount: 1)
            var (model, fit): (Model, ProductFit?) = (compressed, nil)
            try sweep.run(&model) { model, node, sweep throws(CompressionError) in
                if node.name == "product" { fit = try ProductFit(node, model, sweep) }
            }
            return try #require(fit)
        }
    }

    private func isClose(_ found: Double, _ expected: Double) -> Bool {
        abs(found - expected) <= 1e-4 * abs(expected)
    }

    private func expect(
        _ found: ProductFit.Candidate, _ expected: UnitsReference.Candidate, _ name: String
    ) {
        #expect(found.kept == expected.kept, "\(name)")
        #expect(found.weight.shape == [6, expected.weights.count / 6], "\(name)")
        let weights = relativeDifference(found.weight.values.map { Double($0) }, expected.weights)
        #expect(weights < 1e-4, "\(name)")
        let bias = relativeDifference(found.bias.values.map { Double($0) }, expected.bias)
        #expect(bias < 1e-4, "\(name)")
        #expect(isClose(found.error, expected.error), "\(name)")
    }

    @Test(arguments: [false, true])
    func fitsAreThoseOfNumpy(weighted: Bool) throws {
        let reference = try UnitsReference.read()
        let expected = weighted ? reference.weightedFit : reference.fit
        let fit = try Problem().fit(weighted: weighted)
        #expect(isClose(fit.signal, expected.signal))
        #expect(isClose(fit.ownError, expected.ownError))
        #expect(fit.weightTensor == SmallModel.random([6, 8], seed: 23))
        let refitted = try #require(try fit.refitted())
        let inputs = UnitsReference.Candidate(
            kept: Array(0..<8), weights: expected.refitted.weights, bias: expected.refitted.bias,
            error: expected.refitted.error)
        expect(refitted, inputs, "re-fit")
        #expect(refitted.error < fit.ownError)
    }

    @Test(arguments: UnitRemoval.Compensation.allCases, [false, true])
    func whatIsLeftIsThatOfNumpy(
        compensation: UnitRemoval.Compensation, weighted: Bool
    ) throws {
        let reference = try UnitsReference.read()
        let expected = weighted ? reference.weightedFit : reference.fit
        let fit = try Problem().fit(weighted: weighted)
        for count in 0...4 {
            let name = "\(compensation.rawValue) \(count)"
            let found = try fit.reduced(
                to: count, taking: nil, groupSize: 2, compensation: compensation)
            expect(found, try #require(expected.reduced[name]), name)
        }
    }

    @Test func withoutCompensationTheWeightsStay() throws {
        let problem = try Problem()
        let fit = try problem.fit()
        let bias = SmallModel.random([6], seed: 24)
        for count in 0...4 {
            let found = try fit.reduced(
                to: count, taking: nil, groupSize: 2, compensation: .none)
            let columns = found.kept.flatMap { [2 * $0, 2 * $0 + 1] }
            #expect(found.weight == fit.weightTensor.selectingColumns(columns))
            #expect(found.bias == bias)
        }
    }

    @Test func onlyWhatMayGoGoes() throws {
        let fit = try Problem().fit()
        for compensation in UnitRemoval.Compensation.allCases {
            let found = try fit.reduced(
                to: 2, taking: [1, 3], groupSize: 2, compensation: compensation)
            #expect(found.kept == [0, 2])
            let one = try fit.reduced(
                to: 3, taking: [2], groupSize: 2, compensation: compensation)
            #expect(one.kept == [0, 1, 3])
        }
    }

    @Test func nothingLeftLeavesTheMean() throws {
        let problem = try Problem()
        let fit = try problem.fit()
        let own = try problem.compressed.outputs(of: problem.calibration.sequences)
        let wanted = try problem.original.outputs(of: problem.calibration.sequences)
        func means(_ outputs: [String: Tensor]) throws -> [Double] {
            let output = try #require(outputs["product"])
            return output.columnMeans(rows: 0..<output.rowCount)
        }
        let ofOwn = try fit.reduced(to: 0, taking: nil, groupSize: 2, compensation: .mean)
        #expect(ofOwn.weight.shape == [6, 0])
        #expect(
            relativeDifference(ofOwn.bias.values.map { Double($0) }, try means(own)) < 1e-5)
        let ofTarget = try fit.reduced(to: 0, taking: nil, groupSize: 2, compensation: .refit)
        #expect(
            relativeDifference(ofTarget.bias.values.map { Double($0) }, try means(wanted)) < 1e-5)
    }

    /// Where the inputs say nothing, all ways are the same and nothing is divided by zero.
    @Test(arguments: UnitRemoval.Compensation.allCases)
    func inputsThatNeverVaryCanAllGo(compensation: UnitRemoval.Compensation) throws {
        let row = SmallModel.random([8], seed: 31).values
        let constant = Tensor(shape: [40, 8], values: (0..<40).flatMap { _ in row })
        let problem = try Problem(exact: constant, off: constant)
        let fit = try problem.fit()
        #expect(fit.signal < 1e-9 && fit.ownError < 1e-9)
        let found = try fit.reduced(
            to: 1, taking: nil, groupSize: 2, compensation: compensation)
        #expect(found.kept.count == 1 && found.weight.shape == [6, 2])
        #expect(found.weight.nonFiniteCount == 0 && found.bias.nonFiniteCount == 0)
        if compensation != .none { #expect(found.error < 1e-8) }
    }

    @Test(arguments: [1, 3])
    func withoutHeldOutSequencesTheFittedOnesJudge(count: Int) throws {
        let problem = try Problem(sequenceCount: count)
        #expect(problem.calibration.heldOut.isEmpty)
        let fit = try problem.fit()
        #expect(fit.signal > 0 && fit.ownError > 0)
        let refitted = try #require(try fit.refitted())
        #expect(refitted.error < fit.ownError)
        let found = try fit.reduced(to: 2, taking: nil, groupSize: 2, compensation: .refit)
        #expect(found.kept.count == 2 && found.error.isFinite)
    }

    @Test func aProductThatIsRightIsLeftAlone() throws {
        let problem = try Problem()
        let same = try Problem(off: problem.original.floats("tokens"))
        let fit = try same.fit()
        #expect(fit.ownError < 1e-9 * fit.signal)
        if let refitted = try fit.refitted() { #expect(refitted.error < fit.ownError) }
    }
}
