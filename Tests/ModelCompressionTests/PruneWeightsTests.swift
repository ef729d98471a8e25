import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// The pass on a small BERT with two layers and a classifier.
@Suite struct PruneWeightsTests {
    private let model: Model
    private let calibration: CalibrationSet
    /// Products with one row per token.
    private let pruned: [String]

    init() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert/classifier")
        model = try Model(checkpoint: Checkpoint(path: folder.path), task: .classify)
        var generator = SplitMix64(seed: 7)
        calibration = CalibrationSet(
            (0..<48).map { index in
                TokenSequence(
                    ids: (0..<8 + index % 17).map { _ in Int32(generator.next() % 100) })
            })
        pruned = model.graph.nodes.compactMap { node in
            guard case .linear(let linear) = node.operation,
                node.name != "pooler.dense", node.name != "classifier"
            else { return nil }
            return linear.weight
        }
    }

    private func pass(_ json: String) throws(RecipeError) -> any CompressionPass {
        let text = #"{"passes": [{"pass": "prune"\#(json)}]}"#
        return try Recipe(parsing: Array(text.utf8), name: "test").passes[0]
    }

    private func apply(
        _ json: String, calibrated: Bool = true
    ) throws -> (model: Model, record: PassRecord) {
        var model = model
        let record = try pass(json).apply(
            to: &model,
            context: PassContext(
                original: model, calibration: calibrated ? calibration : nil, threadCount: 2))
        return (model, record)
    }

    private func values(_ name: String, _ model: Model) throws -> [Float] {
        try #require(model.parameters[name]).floats(in: model.checkpoint).values
    }

    private func zeroShare(_ model: Model) throws -> Double {
        let values = try pruned.flatMap { try self.values($0, model) }
        return Double(values.count { $0 == 0 }) / Double(values.count)
    }

    // MARK: - What it does

    @Test(arguments: ["magnitude", "wanda", "sparsegpt"])
    func everyMethodReachesTheSparsity(method: String) throws {
        let (model, record) = try apply(#", "method": "\#(method)", "sparsity": 0.7"#)
        #expect(pruned.count == 12 && record.changes.map(\.name).sorted() == pruned.sorted())
        for name in pruned {
            let values = try values(name, model)
            let zeros = values.count { $0 == 0 }
            #expect(zeros == Int((0.7 * Double(values.count)).rounded()), "\(name)")
        }
        #expect(record.outputs.count == 12 && record.outputs.allSatisfy { $0.signalEnergy > 0 })
        let notes = record.notes.joined(separator: "\n")
        for note in ["70.0 % of 16384 weights", "not the products", "pooler.dense, classifier"] {
            #expect(notes.contains(note))
        }
        for name in ["pooler.dense.weight", "classifier.weight"] {
            #expect(try values(name, model) == values(name, self.model))
        }
    }

    @Test func fittedWeightsAreNearerThanPlainOnes() throws {
        func errors(_ json: String) throws -> [Double] {
            try apply(#", "sparsity": 0.6"# + json).record.outputs.map(\.relativeError)
        }
        let plain = try errors(#", "method": "magnitude", "refit": 0, "bias_correction": false"#)
        let fitted = try errors(#", "method": "sparsegpt""#)
        #expect(zip(plain, fitted).allSatisfy { $0 > $1 })
    }

    @Test func eachProductIsFittedBehindThePrunedPrefix() throws {
        let (model, record) = try apply(#", "sparsity": 0.6, "uniform_rows": 1"#)
        // Nothing is wrong yet in front of the first products.
        #expect(record.outputs[..<3].allSatisfy { $0.errorBefore < 1e-6 * $0.signalEnergy })
        // The error that this product inherits, computed by the executor.
        let name = "encoder.layer.1.intermediate.dense"
        let output = try #require(record.outputs.first { $0.name == name })
        var prefix = model
        for part in ["weight", "bias"] {
            prefix.parameters["\(name).\(part)"] = self.model.parameters["\(name).\(part)"]
        }
        let batch = try SequenceBatch(
            Array(calibration.sequences[calibration.heldOut]), for: model)
        func outputs(_ model: Model) throws -> Tensor {
            var found: Tensor?
            _ = try ReferenceExecutor(model: model, threadCount: 1).run(batch) { node, _, output in
                if node.name == name { found = output }
            }
            return try #require(found)
        }
        let original = try outputs(self.model)
        let inherited = try outputs(prefix).squaredDistance(to: original)
        #expect(inherited > 0 && abs(output.errorBefore - inherited) < 1e-3 * inherited)
        let after = try outputs(model).squaredDistance(to: original)
        #expect(abs(output.errorAfter - after) < 1e-3 * after)
    }

    @Test func biasesKeepTheMeanOfTheOutputs() throws {
        let (model, _) = try apply(
            #", "method": "wanda", "sparsity": 0.8, "refit": 0, "uniform_rows": 1"#)
        let name = "encoder.layer.0.attention.self.value"
        let batch = try SequenceBatch(
            Array(calibration.sequences[..<calibration.fittedCount]), for: model)
        func means(_ model: Model) throws -> [Double] {
            var found: [Double] = []
            _ = try ReferenceExecutor(model: model, threadCount: 1).run(batch) { node, _, output in
                if node.name == name { found = output.columnMeans(rows: 0..<output.rowCount) }
            }
            return found
        }
        let (before, after) = (try means(self.model), try means(model))
        #expect(before.count == 32 && zip(before, after).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(try values("\(name).bias", model) != values("\(name).bias", self.model))
    }

    @Test func sensitiveProductsLoseLess() throws {
        let (model, record) = try apply(#", "sparsity": 0.6, "allocation": "sensitivity""#)
        let shares = try pruned.map { name in
            let values = try values(name, model)
            return Double(values.count { $0 == 0 }) / Double(values.count)
        }
        #expect(Set(shares).count > 2 && shares.allSatisfy { $0 > 0.44 && $0 < 0.76 })
        #expect(abs(try zeroShare(model) - 0.6) < 1e-3)
        #expect(record.outputs.count == 12)
    }

    @Test func patternsHoldInTheModel() throws {
        let (model, _) = try apply(#", "pattern": "2:4""#)
        for name in pruned {
            let values = try values(name, model)
            for first in stride(from: 0, to: values.count, by: 4) {
                #expect(values[first..<first + 4].count { $0 == 0 } == 2, "\(name)")
            }
        }
    }

    @Test func zerosSurviveQuantization() throws {
        let recipe = try Recipe(
            parsing: Array(
                #"{"passes": [{"pass": "prune", "sparsity": 0.6}, {"pass": "quantize"}]}"#.utf8),
            name: "test")
        let (before, _) = try apply(#", "sparsity": 0.6"#)
        let quantized = try recipe.apply(to: model, calibration: calibration).model
        for name in pruned {
            guard case .quantizedRows(let rows)? = quantized.parameters[name]?.storage else {
                Issue.record("\(name) has no codes")
                continue
            }
            let weights = try values(name, before)
            #expect(zip(rows.codes, weights).allSatisfy { $0 == 0 || $1 != 0 }, "\(name)")
            #expect(rows.codes.contains { $0 != 0 })
        }
        // What was not pruned is free to use every code.
        guard case .quantizedRows(let whole)? = quantized.parameters["pooler.dense.weight"]?.storage
        else {
            Issue.record("the pooler has no codes")
            return
        }
        #expect(whole.codes.count { $0 == 0 } < whole.codes.count / 10)
    }

    @Test func tablesArePrunedRowByRow() throws {
        let table = "embeddings.word_embeddings.weight"
        let (model, record) = try apply(#", "sparsity": 0, "table_sparsity": 0.5"#)
        #expect(record.changes.map(\.name) == [table])
        let (before, after) = (try values(table, self.model), try values(table, model))
        // The row of the padding token is zero from the beginning.
        #expect(before[..<32].allSatisfy { $0 == 0 } && after[..<32].allSatisfy { $0 == 0 })
        for row in stride(from: 32, to: before.count, by: 32) {
            let kept = (row..<row + 32).filter { after[$0] != 0 }
            #expect(kept.count == 16 && kept.allSatisfy { after[$0] == before[$0] })
            let least = kept.map { before[$0].magnitude }.min() ?? 0
            let gone = (row..<row + 32).filter { after[$0] == 0 }
            #expect(gone.allSatisfy { before[$0].magnitude <= least })
        }
    }

    @Test func threadsDoNotMatter() throws {
        var models = [model, model]
        for (index, threads) in [1, 2].enumerated() {
            _ = try PruneWeights().apply(
                to: &models[index],
                context: PassContext(
                    original: model, calibration: calibration, threadCount: threads))
        }
        for name in pruned {
            let (one, two) = (try values(name, models[0]), try values(name, models[1]))
            #expect(zip(one, two).allSatisfy { abs($0 - $1) <= 1e-4 * (1 + abs($0)) }, "\(name)")
        }
    }

    // MARK: - Without data

    @Test func magnitudeNeedsNoData() throws {
        let (model, record) = try apply(
            #", "method": "magnitude", "sparsity": 0.5"#, calibrated: false)
        for name in pruned {
            let (before, after) = (try values(name, self.model), try values(name, model))
            #expect(after.count { $0 == 0 } == after.count / 2)
            #expect(zip(before, after).allSatisfy { $1 == 0 || $0 == $1 })
            // What was exact in 16 bits still is.
            guard case .dense(_, .float16)? = model.parameters[name]?.storage else {
                Issue.record("\(name) is not stored as it was")
                continue
            }
        }
        #expect(record.outputs.isEmpty && record.changes.count == pruned.count)
    }

    @Test func otherMethodsSayThatTheyNeedData() {
        let method = CompressionError.optionNeedsCalibration(
            pass: "prune", option: "method", value: "wanda", instead: "magnitude")
        #expect(throws: method) { try apply(#", "method": "wanda""#, calibrated: false) }
        #expect(
            method.description
                == "pass 'prune': 'method' is 'wanda', which needs calibration data "
                + "(--calibration); without, only 'magnitude' works")
        #expect(
            throws: CompressionError.optionNeedsCalibration(
                pass: "prune", option: "allocation", value: "sensitivity", instead: "uniform")
        ) {
            try apply(
                #", "method": "magnitude", "allocation": "sensitivity""#, calibrated: false)
        }
    }

    @Test func nothingAskedForIsNothingChanged() throws {
        let (_, record) = try apply(#", "sparsity": 0"#)
        #expect(record.changedNothing && record.notes.isEmpty)
    }

    @Test func quantizedWeightsAreLeftAndNamed() throws {
        var model = model
        _ = try QuantizeWeights().apply(
            to: &model,
            context: PassContext(original: model, calibration: calibration, threadCount: 1))
        let record = try pass(#", "table_sparsity": 0.5"#).apply(
            to: &model,
            context: PassContext(original: self.model, calibration: calibration, threadCount: 1))
        #expect(record.changedNothing)
        #expect(record.notes.contains { $0.hasPrefix("embeddings.word_embeddings.weight: left") })
        #expect(record.notes.contains { $0.hasSuffix("left whole, quantized before") })
    }

    // MARK: - Options

    @Test(arguments: [
        (
            #", "method": "random""#,
            "passes[0]: 'method' is 'random'; known: magnitude, wanda, sparsegpt"
        ),
        (
            #", "pattern": "4:2""#,
            "passes[0]: 'pattern' is '4:2'; known: unstructured, block, RxC, 2:4, N:M"
        ),
        (#", "sparsity": 1.5"#, "passes[0]: 'sparsity' is 1.5, allowed is 0.0 … 1.0"),
        (
            #", "pattern": "1:4", "sparsity": 0.5"#,
            "passes[0]: 'sparsity' is 0.5, allowed is 0.75, which the pattern has"
        ),
        (
            #", "pattern": "2:4", "allocation": "sensitivity""#,
            "passes[0]: 'allocation' is 'sensitivity'; known: uniform"
        ),
        (#", "density": 1"#, "passes[0]: no option 'density'"),
        (#", "table_sparsity": "all""#, "passes[0]: 'table_sparsity' must be a number"),
    ])
    func wrongOptionsAreNamed(json: String, message: String) {
        #expect {
            try pass(json)
        } throws: { error in
            (error as? RecipeError)?.description.hasPrefix(message) ?? false
        }
    }

    @Test func theEstimateCountsZerosByTheirPlaces() throws {
        let pass = try pass(#", "pattern": "1:4", "table_sparsity": 0.5"#)
        #expect(
            pass.summary == "0.75 of the weights of linear layers become zero (1 of 4 are kept, by "
                + "sparsegpt), 0.5 of each row of the token table")
        let before = SizeEstimate(model)
        var after = before
        pass.estimate(&after)
        let weight = try #require(after.entries[pruned[0]])
        // 16 bits for one of four, and H(¼) for all.
        #expect(abs(weight.bits / weight.elements - (4 + 0.811278)) < 1e-5)
        let table = try #require(after.entries["embeddings.word_embeddings.weight"])
        #expect(abs(table.bits / table.elements - 9) < 1e-9)
        #expect(after.byteCount < before.byteCount)
    }

    @Test func aPatternMayRepeatItsSparsity() throws {
        let found = try pass(#", "pattern": "2:4", "sparsity": 0.5"#)
        #expect((found as? PruneWeights)?.sparsity == 0.5)
        #expect((try pass(#", "pattern": "1:4""#) as? PruneWeights)?.sparsity == 0.75)
    }
}
