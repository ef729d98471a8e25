import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// What the pass makes of calibration data.
@Suite struct QuantizeWeightsCalibrationTests {
    private func apply(
        _ model: Model, _ calibration: CalibrationSet?, threadCount: Int = 1,
        _ change: (inout QuantizeWeights) -> Void = { _ in }
    ) throws -> (model: Model, record: PassRecord) {
        var pass = QuantizeWeights()
        change(&pass)
        var result = model
        let record = try pass.apply(
            to: &result,
            context: PassContext(
                original: model, calibration: calibration, threadCount: threadCount))
        return (result, record)
    }

    private static func onlyNearest(_ pass: inout QuantizeWeights) {
        pass.rounding = .nearest
        pass.sweeps = 0
        pass.clips = false
        pass.correctsBias = false
    }

    private func plain() throws -> Model {
        try Model(checkpoint: Checkpoint(path: TinyFixture.plain))
    }

    /// Σ (y − y₀)² over all rows of the last hidden state, with the codes of the device.
    private func hiddenError(
        _ model: Model, _ original: Model, _ sequences: [TokenSequence]
    ) throws -> Double {
        let batch = try SequenceBatch(sequences, for: original)
        let exact = try ReferenceExecutor(model: original, threadCount: 1).run(batch)
        let found = try ReferenceExecutor(
            model: model, threadCount: 1, simulatesCodes: true
        ).run(batch)
        return try #require(exact[.hiddenState]).squaredDistance(
            to: try #require(found[.hiddenState]))
    }

    // MARK: - One product

    private func oneProduct() throws -> (SmallModel, CalibrationSet) {
        let small = try SmallModel(
            weight: SmallModel.random([5, 6], seed: 40),
            tokens: SmallModel.random([12, 6], seed: 41))
        var generator = SplitMix64(seed: 42)
        let sequences = (0..<40).map { _ in
            TokenSequence(ids: (0..<8).map { _ in Int32(generator.next() % 12) })
        }
        return (small, CalibrationSet(sequences))
    }

    @Test func heldOutErrorsAreThoseOfRunningTheModel() throws {
        let (small, calibration) = try oneProduct()
        let (model, record) = try apply(small.model, calibration) { $0.limit = 15 }
        let output = try #require(record.outputs.first)
        #expect(record.outputs.count == 1 && output.name == "product")
        let heldOut = Array(calibration.sequences[calibration.heldOut])
        #expect(heldOut.count == 10)
        let error = try hiddenError(model, small.model, heldOut)
        #expect(abs(output.errorAfter - error) <= 1e-4 * error)
        // The float product on the compressed prefix: only the tables and the codes of its input.
        var before = model
        let index = try #require(before.graph.nodes.firstIndex { $0.name == "product" })
        before.graph.nodes[index].operation = small.model.graph.nodes[index].operation
        before.parameters["weight"] = small.model.parameters["weight"]
        before.parameters["bias"] = small.model.parameters["bias"]
        let prefix = try hiddenError(before, small.model, heldOut)
        #expect(output.errorBefore > 0 && output.errorBefore < output.errorAfter)
        #expect(prefix < 10 * output.errorBefore)
        #expect(output.relativeError > 0 && output.relativeError < 0.1)
        let all = try #require(
            try ReferenceExecutor(model: small.model, threadCount: 1).run(
                SequenceBatch(heldOut, for: small.model))[.hiddenState])
        let means = all.columnMeans(rows: 0..<all.rowCount)
        let variance = all.values.enumerated().reduce(0.0) {
            $0 + (Double($1.element) - means[$1.offset % 5])
                * (Double($1.element) - means[$1.offset % 5])
        }
        #expect(abs(output.signalEnergy - variance) <= 1e-6 * variance)
    }

    @Test(arguments: [127, 31, 7, 3])
    func fittedCodesAreNotWorseThanTheNearest(limit: Int) throws {
        let (small, calibration) = try oneProduct()
        func error(_ change: (inout QuantizeWeights) -> Void) throws -> Double {
            let (_, record) = try apply(small.model, calibration) { pass in
                pass.limit = limit
                pass.smoothing = .exponent(0.5)
                change(&pass)
            }
            return try #require(record.outputs.first).errorAfter
        }
        let nearest = try error(Self.onlyNearest)
        let fitted = try error { _ in }
        #expect(fitted <= nearest)
        if limit < 127 { #expect(fitted < 0.9 * nearest) }
    }

    @Test func theBiasKeepsTheMeanOfTheOutput() throws {
        let (small, calibration) = try oneProduct()
        let sequences = Array(calibration.sequences[..<calibration.fittedCount])
        func shift(_ correctsBias: Bool) throws -> (Double, Model) {
            let (model, _) = try apply(small.model, calibration) { pass in
                Self.onlyNearest(&pass)
                pass.limit = 3
                pass.correctsBias = correctsBias
            }
            let batch = try SequenceBatch(sequences, for: model)
            let exact = try #require(
                try ReferenceExecutor(model: small.model, threadCount: 1).run(batch)[.hiddenState])
            let found = try #require(
                try ReferenceExecutor(
                    model: model, threadCount: 1, simulatesCodes: true
                ).run(batch)[.hiddenState])
            let rows = 0..<exact.rowCount
            let shifts = zip(exact.columnMeans(rows: rows), found.columnMeans(rows: rows))
            return (shifts.reduce(0) { max($0, abs($1.0 - $1.1)) }, model)
        }
        let (corrected, model) = try shift(true)
        let (plain, unchanged) = try shift(false)
        #expect(plain > 1e-3 && corrected < 1e-5)
        guard case .dense? = model.parameters["bias"]?.storage,
            case .checkpoint? = unchanged.parameters["bias"]?.storage
        else {
            Issue.record("the bias was not corrected, or was corrected unasked")
            return
        }
    }

    @Test func aProductWithoutBiasGetsOne() throws {
        let (small, calibration) = try oneProduct()
        var model = small.model
        let index = try #require(model.graph.nodes.firstIndex { $0.name == "product" })
        model.graph.nodes[index].operation = .linear(Linear(weight: "weight", bias: nil))
        model.parameters["bias"] = nil
        let (corrected, _) = try apply(model, calibration) { pass in
            Self.onlyNearest(&pass)
            pass.limit = 3
            pass.correctsBias = true
        }
        guard case .linear(let linear) = corrected.graph.nodes[index].operation else { return }
        let bias = try #require(linear.bias)
        #expect(corrected.parameters[bias]?.shape == [5])
        try corrected.validate()
    }

    // MARK: - Smoothing

    @Test func smoothedProductsKeepWhatTheyCompute() throws {
        let (small, calibration) = try oneProduct()
        for set in [nil, calibration] {
            let (model, _) = try apply(small.model, set) { $0.smoothing = .exponent(0.5) }
            let index = try #require(model.graph.nodes.firstIndex { $0.name == "product" })
            guard case .linear(let linear) = model.graph.nodes[index].operation else { return }
            let name = try #require(linear.inputMultipliers)
            #expect(model.parameters[name]?.shape == [6])
            try model.validate()
            let batch = try SequenceBatch(calibration.sequences, for: model)
            let exact = try #require(
                try ReferenceExecutor(model: small.model, threadCount: 1).run(batch)[.hiddenState])
            let found = try #require(
                try ReferenceExecutor(
                    model: model, threadCount: 1, simulatesCodes: true
                ).run(batch)[.hiddenState])
            #expect(exact.signalToNoiseRatio(ofApproximation: found) > 30)
        }
        let (plain, _) = try apply(small.model, calibration) { $0.smoothing = .exponent(0) }
        for node in plain.graph.nodes {
            if case .linear(let linear) = node.operation {
                #expect(linear.inputMultipliers == nil)
            }
        }
    }

    // MARK: - Static ranges

    private func ranges(_ model: Model) -> [ClosedRange<Float>?] {
        model.graph.nodes.compactMap { node -> ClosedRange<Float>?? in
            guard case .linear(let linear) = node.operation else { return nil }
            return .some(linear.inputRange)
        }
    }

    @Test func staticRangesAreThoseOfTheCalibrationData() throws {
        let model = try plain()
        let (fixed, record) = try apply(model, TinyFixture.calibration(48)) {
            $0.activations = .static
        }
        try fixed.validate()
        let found = ranges(fixed)
        #expect(!found.isEmpty && found.allSatisfy { $0 != nil })
        // Products that read the same codes share them.
        let sites = LinearSite.sites(of: fixed.graph)
        for site in sites {
            #expect(Set(site.nodes.map { fixed.graph.linear(at: $0)?.inputRange }).count == 1)
        }
        #expect(Set(found).count == sites.count)
        for output in record.outputs { #expect(output.relativeError < 0.02, "\(output.name)") }
        let (dynamic, _) = try apply(model, TinyFixture.calibration(48))
        #expect(ranges(dynamic).allSatisfy { $0 == nil })
    }

    @Test func staticRangesNeedData() throws {
        #expect(
            throws: CompressionError.optionNeedsCalibration(
                pass: "quantize", option: "activations", value: "static", instead: "dynamic")
        ) { try apply(try plain(), nil) { $0.activations = .static } }
    }

    @Test func inputsThatAreAlwaysZeroKeepTheirOwnRanges() throws {
        let small = try SmallModel(
            weight: SmallModel.random([5, 6], seed: 40), tokens: Tensor(zeros: [12, 6]),
            positions: Tensor(zeros: [9, 6]), types: Tensor(zeros: [2, 6]))
        var zeros = small.model
        zeros.parameters["beta"]?.storage = .dense(Tensor(zeros: [6]))
        let sequences = (0..<8).map { TokenSequence(ids: [Int32($0), 3]) }
        let (model, _) = try apply(zeros, CalibrationSet(sequences)) {
            $0.activations = .static
        }
        #expect(ranges(model) == [nil])
    }

    // MARK: - A whole model

    @Test func everyProductHasAFiniteErrorOnHeldOutSequences() throws {
        let model = try plain()
        let (quantized, record) = try apply(model, TinyFixture.calibration(48))
        let names = model.graph.nodes.compactMap { node -> String? in
            if case .linear = node.operation { return node.name }
            return nil
        }
        #expect(record.outputs.map(\.name) == names)
        for output in record.outputs {
            #expect(output.errorAfter.isFinite && output.errorBefore.isFinite)
            #expect(output.errorAfter > 0 && output.signalEnergy > 0)
            #expect(output.relativeError < 0.01, "\(output.name)")
        }
        #expect(record.notes.isEmpty && record.seconds > 0)
        try quantized.validate()
        for case .quantizedRows(let rows) in quantized.parameters.values.map(\.storage) {
            #expect(rows.codes.allSatisfy { $0 >= -127 })
            #expect(rows.scales.allSatisfy { $0.isFinite && $0 >= 0 })
        }
    }

    @Test(arguments: [31, 7])
    func calibrationBringsTheModelNearerToTheOriginal(limit: Int) throws {
        let model = try plain()
        let others = TinyFixture.calibration(20, seed: 99).sequences
        let (fitted, _) = try apply(model, TinyFixture.calibration(64)) { $0.limit = limit }
        let (nearest, _) = try apply(model, nil) { pass in
            pass.limit = limit
            Self.onlyNearest(&pass)
            pass.smoothing = .exponent(0)
        }
        let errors = try [fitted, nearest].map { try hiddenError($0, model, others) }
        #expect(errors[0] < 0.8 * errors[1])
    }

    @Test func threadsAndRepetitionsChangeNoBit() throws {
        let model = try plain()
        let calibration = TinyFixture.calibration(48)
        let found = try [1, 2, 5, 1].map { threads in
            try apply(model, calibration, threadCount: threads).model
        }
        for other in found.dropFirst() {
            #expect(other.graph == found[0].graph)
            for (name, parameter) in found[0].parameters {
                switch (parameter.storage, other.parameters[name]?.storage) {
                case (.quantizedRows(let a), .quantizedRows(let b)?):
                    #expect(a.codes == b.codes && a.scales == b.scales, "\(name)")
                case (.dense(let a, _), .dense(let b, _)?):
                    #expect(a == b, "\(name)")
                case (.checkpoint(let a, _), .checkpoint(let b, _)?):
                    #expect(a == b)
                default:
                    Issue.record("\(name) is stored otherwise")
                }
            }
        }
    }

    @Test(arguments: [1, 2, 3])
    func withoutHeldOutSequencesTheFittedOnesJudge(count: Int) throws {
        let calibration = TinyFixture.calibration(count)
        #expect(calibration.heldOut.isEmpty)
        let (_, record) = try apply(try plain(), calibration)
        #expect(record.outputs.allSatisfy { $0.errorAfter.isFinite && $0.errorAfter > 0 })
    }

    @Test func productsThatStandOutStayInHalfPrecision() throws {
        let model = try plain()
        let calibration = TinyFixture.calibration(32)
        let (left, record) = try apply(model, calibration) { pass in
            pass.limit = 15
            pass.outlierFactor = 1
        }
        // With 1 for the factor, everything above the median stands out.
        #expect(record.notes.count >= 2)
        #expect(record.notes.allSatisfy { $0.contains("left in 16 bits") })
        let halves = record.notes.compactMap { $0.split(separator: ":").first.map(String.init) }
        for name in halves {
            let node = try #require(left.graph.nodes.first { $0.name == name })
            guard case .linear(let linear) = node.operation,
                case .dense(_, .float16)? = left.parameters[linear.weight]?.storage
            else {
                Issue.record("\(name) is not in half precision")
                continue
            }
            #expect(linear.inputMultipliers == nil)
            #expect(!record.outputs.contains { $0.name == name })
            #expect(record.changes.contains { $0.name == linear.weight })
        }
        try left.validate()
        let (all, none) = try apply(model, calibration) { $0.limit = 15 }
        #expect(none.notes.isEmpty)
        let errors = try [left, all].map { try hiddenError($0, model, calibration.sequences) }
        #expect(errors[0] < errors[1])
    }

    /// One of three products of a site is in floats, as it is after it stood out.
    @Test(arguments: [0, 0.5] as [Float])
    func whatIsQuantizedStaysAsItIs(exponent: Float) throws {
        let original = try plain()
        let calibration = TinyFixture.calibration(32)
        var (model, _) = try apply(original, calibration) { $0.smoothing = .exponent(exponent) }
        let name = "encoder.layer.0.attention.self.key"
        let index = try #require(model.graph.nodes.firstIndex { $0.name == name })
        guard case .linear(var linear) = model.graph.nodes[index].operation else { return }
        model.parameters[linear.weight] = original.parameters[linear.weight]
        linear.inputMultipliers = nil
        model.graph.nodes[index].operation = .linear(linear)
        var twice = model
        var pass = QuantizeWeights()
        pass.smoothing = .exponent(exponent)
        let record = try pass.apply(
            to: &twice,
            context: PassContext(original: original, calibration: calibration, threadCount: 1))
        #expect(record.changes.map(\.name) == [linear.weight])
        #expect(record.outputs.map(\.name) == [name])
        for (name, parameter) in model.parameters where name != linear.weight {
            guard case .quantizedRows(let rows) = parameter.storage else { continue }
            guard case .quantizedRows(let found)? = twice.parameters[name]?.storage else {
                Issue.record("\(name) has no codes any more")
                continue
            }
            #expect(found.codes == rows.codes && found.scales == rows.scales, "\(name)")
        }
        let errors = try [twice, model].map {
            try hiddenError($0, original, calibration.sequences)
        }
        #expect(errors[0] < 2 * errors[1])
    }

    @Test func calibrationIsCutToItsTokens() throws {
        let model = try plain()
        let long = TinyFixture.calibration(64)
        let (short, _) = try apply(model, long) { $0.use.totalTokens = 60 }
        let (same, _) = try apply(model, long.limited(tokens: 128, total: 60))
        let (other, _) = try apply(model, long)
        func codes(_ model: Model) -> [[Int8]] {
            model.parameters.sorted { $0.key < $1.key }.compactMap { _, parameter in
                if case .quantizedRows(let rows) = parameter.storage { return rows.codes }
                return nil
            }
        }
        #expect(codes(short) == codes(same) && codes(short) != codes(other))
    }

    // MARK: - Grids and rates

    @Test func aCommonStepIsTheSameInAllRows() throws {
        let (small, calibration) = try oneProduct()
        let (model, _) = try apply(small.model, calibration) { pass in
            Self.onlyNearest(&pass)
            pass.smoothing = .exponent(0)
            pass.step = 0.25
            pass.tableStep = 0.5
        }
        for (name, step) in [("weight", 0.25), ("tokens", 0.5)] {
            guard case .quantizedRows(let rows)? = model.parameters[name]?.storage else {
                Issue.record("\(name) has no codes")
                continue
            }
            let tensor = try small.model.checkpoint.floats(name)
            let distance = Float(step * tensor.meanSquare.squareRoot())
            for scale in rows.scales { #expect(abs(scale - distance) <= 1e-6 * distance) }
        }
    }

    @Test func aRateShortensTheCodes() throws {
        let model = try plain()
        let calibration = TinyFixture.calibration(48)
        func bits(_ rate: Double) throws -> Double {
            let (found, _) = try apply(model, calibration) { pass in
                pass.step = 0.5
                pass.rate = rate
            }
            var counts: [Int8: Double] = [:]
            for (name, parameter) in found.parameters where name.hasPrefix("encoder") {
                guard case .quantizedRows(let rows) = parameter.storage else { continue }
                for code in rows.codes { counts[code, default: 0] += 1 }
            }
            let total = counts.values.reduce(0, +)
            return counts.values.reduce(0) { $0 - $1 / total * log2($1 / total) }
        }
        let (free, priced) = (try bits(0), try bits(10))
        #expect(priced < free - 0.1 && priced > 1)
    }
}
