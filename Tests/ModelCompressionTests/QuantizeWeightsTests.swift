import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct QuantizeWeightsTests {
    private func quantized(_ model: Model, _ name: String = "weight") throws -> QuantizedRows {
        guard case .quantizedRows(let rows)? = model.parameters[name]?.storage else {
            throw ExpectedRows(name: name)
        }
        return rows
    }

    private struct ExpectedRows: Error {
        let name: String
    }

    /// The pass with nothing but nearest codes, unless `change` says more.
    private func apply(
        _ model: Model, calibration: CalibrationSet? = nil, threadCount: Int = 1,
        _ change: (inout QuantizeWeights) -> Void = { _ in }
    ) throws(CompressionError) -> (model: Model, record: PassRecord) {
        var pass = QuantizeWeights()
        pass.smoothing = .exponent(0)
        change(&pass)
        return try apply(pass, model, calibration: calibration, threadCount: threadCount)
    }

    private func apply(
        _ pass: QuantizeWeights, _ model: Model, calibration: CalibrationSet? = nil,
        threadCount: Int = 1
    ) throws(CompressionError) -> (model: Model, record: PassRecord) {
        var result = model
        let record = try pass.apply(
            to: &result,
            context: PassContext(
                original: model, calibration: calibration, threadCount: threadCount))
        return (result, record)
    }

    /// The rule, computed another way: the quotient in double precision rounds to the same float
    /// as a division of floats, and whole numbers are found by comparing fractions.
    private func expected(_ row: ArraySlice<Float>) -> (scale: Float, codes: [Int8]) {
        let largest = row.reduce(0) { max($0, $1.magnitude) }
        let scale = Float(Double(largest) / 127)
        guard scale >= 0x1p-126 else { return (0, row.map { _ in 0 }) }
        let codes = row.map { weight in
            let quotient = Double(Float(Double(weight.magnitude) / Double(scale)))
            var whole = quotient.rounded(.down)
            let fraction = quotient - whole
            if fraction > 0.5 || (fraction == 0.5 && Int(whole) % 2 == 1) { whole += 1 }
            return Int8(weight < 0 ? -min(127, whole) : min(127, whole))
        }
        return (scale, codes)
    }

    private func expectRule(
        _ rows: QuantizedRows, _ weight: Tensor, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(rows.rowCount == weight.shape[0], sourceLocation: sourceLocation)
        #expect(rows.columnCount == weight.columnCount, sourceLocation: sourceLocation)
        for row in 0..<rows.rowCount {
            let range = row * rows.columnCount..<(row + 1) * rows.columnCount
            let (scale, codes) = expected(weight.values[range])
            #expect(
                rows.scales[row].bitPattern == scale.bitPattern, "scale of row \(row)",
                sourceLocation: sourceLocation)
            #expect(
                Array(rows.codes[range]) == codes, "codes of row \(row)",
                sourceLocation: sourceLocation)
        }
    }

    // MARK: - Codes and scales

    @Test(arguments: [(1, 1), (3, 6), (40, 33), (7, 500)])
    func codesAndScalesAreThoseOfTheRule(rows: Int, columns: Int) throws {
        let weight = SmallModel.random([rows, columns], seed: UInt64(rows))
        let (model, _) = try apply(SmallModel(weight: weight).model)
        expectRule(try quantized(model), weight)
        let tokens = SmallModel.random([12, columns], seed: 5)
        expectRule(try quantized(model, "tokens"), tokens)
    }

    @Test func tiesRoundToEven() throws {
        // With 127 as the largest, the scale is 1 and the weights are their own quotients.
        let values: [Float] = [
            127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -126.5, 0.49999997, -127, 3.5,
        ]
        let weight = Tensor(shape: [1, 12], values: values)
        let rows = try quantized(apply(SmallModel(weight: weight).model).model)
        #expect(rows.scales == [1])
        #expect(rows.codes == [127, 0, 2, 2, 0, -2, -2, 126, -126, 0, -127, 4])
        expectRule(rows, weight)
    }

    @Test func rowsWithoutAScaleAreZero() throws {
        let tiny = Float.leastNormalMagnitude
        let least = Float.leastNonzeroMagnitude
        let rowValues: [[Float]] = [
            [0, 0, 0], [-0.0, 0, -0.0], [least, -least, 0], [tiny, -tiny, tiny],
            [tiny * 126, 0, -tiny], [tiny * 127, -tiny * 64, tiny], [tiny * 128, tiny * 2, 0],
            [3e38, -3e38, 1e30], [.greatestFiniteMagnitude, 1, -1], [1, 1e-30, -least],
        ]
        let weight = Tensor(shape: [rowValues.count, 3], values: rowValues.flatMap { $0 })
        let rows = try quantized(apply(SmallModel(weight: weight).model).model)
        expectRule(rows, weight)
        #expect(rows.scales[..<5].allSatisfy { $0 == 0 })
        #expect(rows.codes[..<15].allSatisfy { $0 == 0 })
        #expect(rows.scales[5] == tiny && rows.codes[15...17] == [127, -64, 1])
        #expect(rows.codes.allSatisfy { $0 >= -127 })
    }

    @Test func aRowOfOneElementIsExact() throws {
        let weight = Tensor(shape: [4, 1], values: [0.3, -7, 0, 1e-20])
        let rows = try quantized(apply(SmallModel(weight: weight).model).model)
        #expect(rows.codes == [127, -127, 0, 127])
        expectRule(rows, weight)
    }

    @Test(arguments: [ElementType.float16, .bfloat16])
    func narrowWeightsAreWidenedFirst(elementType: ElementType) throws {
        let source = SmallModel.random([20, 30], seed: 9)
        let small = try SmallModel(weight: source, elementType: elementType)
        let weight = Tensor(
            shape: source.shape,
            values: source.values.map {
                elementType == .float16
                    ? Float(Float16($0)) : Float(bitPattern: $0.bitPattern & 0xffff_0000)
            })
        let (model, record) = try apply(small.model)
        expectRule(try quantized(model), weight)
        let change = try #require(record.changes.first { $0.name == "weight" })
        #expect(change.bytesBefore == 20 * 30 * 2)
        #expect(change.bytesAfter == 20 * 30 + 20 * 4)
    }

    @Test func matricesLargerThanABlockAreWhole() throws {
        let weight = SmallModel.random([1_100, 1_024], seed: 10)
        expectRule(try quantized(apply(SmallModel(weight: weight).model).model), weight)
    }

    /// A layer whose heads are all gone has a product without inputs.
    @Test(arguments: [(0, 6), (4, 0)], [false, true])
    func emptyMatricesStayEmpty(shape: (rows: Int, columns: Int), isCalibrated: Bool) throws {
        let weight = Tensor(shape: [shape.rows, shape.columns], values: [])
        let small = try SmallModel(weight: weight)
        let sequences = (0..<8).map { TokenSequence(ids: [Int32($0), 3]) }
        for rate in [0.0, 1] {
            let (model, _) = try apply(
                small.model, calibration: isCalibrated ? CalibrationSet(sequences) : nil
            ) { pass in
                pass.smoothing = .search
                pass.rate = rate
            }
            let found = try quantized(model)
            #expect(found.codes.isEmpty)
            #expect(found.scales == [Float](repeating: 0, count: shape.rows))
            try model.validate()
        }
    }

    // MARK: - What is refused

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func numbersThatAreNotFiniteAreCounted(value: Float) throws {
        var weight = SmallModel.random([5, 6], seed: 11)
        for index in [0, 7, 29] { weight.values[index] = value }
        let small = try SmallModel(weight: weight)
        let error = CompressionError.notFinite(tensor: "weight", count: 3)
        #expect(throws: error) { try apply(small.model) }
        #expect(error.description.contains("'weight'") && error.description.contains("3"))
        var tokens = SmallModel.random([12, 6], seed: 5)
        tokens.values[71] = value
        let table = try SmallModel(
            weight: SmallModel.random([5, 6], seed: 11), tokens: tokens)
        #expect(throws: CompressionError.notFinite(tensor: "tokens", count: 1)) {
            try apply(table.model)
        }
    }

    @Test func theCountIsThatOfTheWholeTensor() throws {
        var weight = SmallModel.random([1_100, 1_024], seed: 12)
        weight.values[5] = .nan
        weight.values[6] = .infinity
        weight.values[weight.values.count - 1] = .nan
        let small = try SmallModel(weight: weight)
        #expect(throws: CompressionError.notFinite(tensor: "weight", count: 3)) {
            try apply(small.model)
        }
    }

    // MARK: - What stays float

    @Test func smallTablesBecomeExactInHalfPrecision() throws {
        let small = try SmallModel(weight: SmallModel.random([5, 6], seed: 13))
        let (model, record) = try apply(small.model)
        for (name, seed) in [("positions", 4), ("types", 6)] as [(String, UInt64)] {
            let parameter = try #require(model.parameters[name])
            guard case .dense(let table, .float16) = parameter.storage else {
                Issue.record("\(name) is not stored in half precision")
                continue
            }
            let source = SmallModel.random(parameter.shape, seed: seed)
            #expect(table.shape == source.shape)
            #expect(table.values == source.values.map { Float(Float16($0)) })
            #expect(table.values != source.values)
            let change = try #require(record.changes.first { $0.name == name })
            #expect(change.bytesBefore == source.elementCount * 4)
            #expect(change.bytesAfter == source.elementCount * 2)
            expectEnergies(change, source.values, table.values)
        }
    }

    @Test func aTableTooLargeForHalvesStaysAsItIs() throws {
        var positions = SmallModel.random([9, 6], seed: 4)
        positions.values[3] = 65_520
        let small = try SmallModel(
            weight: SmallModel.random([5, 6], seed: 14), positions: positions)
        let (model, record) = try apply(small.model)
        guard case .checkpoint? = model.parameters["positions"]?.storage else {
            Issue.record("the table was changed")
            return
        }
        #expect(!record.changes.contains { $0.name == "positions" })
        #expect(record.changes.contains { $0.name == "types" })
    }

    @Test func vectorsAreUntouched() throws {
        let small = try SmallModel(weight: SmallModel.random([5, 6], seed: 15))
        let (model, record) = try apply(small.model)
        for name in ["bias", "beta", "gamma"] {
            guard case .checkpoint(name, .float32)? = model.parameters[name]?.storage else {
                Issue.record("\(name) was changed")
                continue
            }
            #expect(!record.changes.contains { $0.name == name })
        }
    }

    // MARK: - The record

    private func expectEnergies(
        _ change: TensorChange, _ source: [Float], _ result: [Float],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let signal = source.reduce(0.0) { $0 + Double($1) * Double($1) }
        let error = zip(source, result).reduce(0.0) { sum, pair in
            sum + (Double(pair.0) - Double(pair.1)) * (Double(pair.0) - Double(pair.1))
        }
        #expect(
            abs(change.signalEnergy - signal) <= 1e-6 * signal, sourceLocation: sourceLocation)
        #expect(abs(change.errorEnergy - error) <= 1e-4 * error, sourceLocation: sourceLocation)
    }

    @Test(arguments: [1, 1e-25, 1e25] as [Float])
    func theRecordTellsBytesAndEnergies(factor: Float) throws {
        var weight = SmallModel.random([31, 50], seed: 16)
        for index in weight.values.indices { weight.values[index] *= factor }
        let small = try SmallModel(weight: weight)
        let (model, record) = try apply(small.model)
        #expect(record.pass == "quantize" && !record.changedNothing && record.seconds >= 0)
        #expect(
            record.changes.map(\.name).sorted() == ["positions", "tokens", "types", "weight"])
        let change = try #require(record.changes.first { $0.name == "weight" })
        #expect(change.bytesBefore == 31 * 50 * 4)
        #expect(change.bytesAfter == 31 * 50 + 31 * 4)
        expectEnergies(change, weight.values, try quantized(model).dequantized.values)
        let ratio = [change].signalToNoiseRatio
        #expect(abs(ratio - 10 * log10(change.signalEnergy / change.errorEnergy)) < 1e-9)
        #expect(ratio > 30 && ratio < 60)
    }

    @Test func rowsThatBecomeZeroAreAllError() throws {
        let tiny = Float.leastNormalMagnitude
        let weight = Tensor(shape: [2, 2], values: [tiny, -tiny, tiny * 3, 0])
        let (_, record) = try apply(SmallModel(weight: weight).model)
        let change = try #require(record.changes.first { $0.name == "weight" })
        expectEnergies(change, weight.values, [0, 0, 0, 0])
        #expect(abs([change].signalToNoiseRatio) < 1e-6)
    }

    @Test func aSecondApplicationChangesNothingAndSaysSo() throws {
        let small = try SmallModel(weight: SmallModel.random([9, 8], seed: 17))
        let (once, _) = try apply(QuantizeWeights(), small.model)
        let (twice, record) = try apply(QuantizeWeights(), once)
        #expect(record.changedNothing && record.changes.isEmpty)
        for name in ["weight", "tokens"] {
            #expect(try quantized(once, name).codes == quantized(twice, name).codes)
            #expect(try quantized(once, name).scales == quantized(twice, name).scales)
        }
        #expect(once.graph == twice.graph)
    }

    @Test func progressRisesAndStaysWithinTheWhole() throws {
        var model = try Model(checkpoint: Checkpoint(path: TinyFixture.classifier))
        var shares: [Double] = []
        _ = try QuantizeWeights().apply(
            to: &model,
            context: PassContext(original: model, calibration: nil, threadCount: 1) {
                shares.append($0)
            })
        #expect(shares == shares.sorted() && Set(shares).count > 4)
        #expect(shares.allSatisfy { $0 > 0 && $0 <= 1 })
    }

    // MARK: - Attention and recipes

    @Test func attentionIsComputedOnCodes() throws {
        let small = try SmallModel(weight: SmallModel.random([9, 8], seed: 19))
        func arithmetic(_ model: Model) -> [Attention.Arithmetic] {
            model.graph.nodes.compactMap { node in
                guard case .attention(let attention) = node.operation else { return nil }
                return attention.arithmetic
            }
        }
        #expect(arithmetic(small.model) == [.float])
        #expect(arithmetic(try apply(small.model).model) == [.int8])
        // Nothing else of the graph changes.
        var graph = try apply(small.model).model.graph
        graph.nodes[1] = small.model.graph.nodes[1]
        #expect(graph == small.model.graph)
    }

    @Test func ratiosOfNothingLostAreInfinite() {
        let change = TensorChange(
            name: "a", bytesBefore: 4, bytesAfter: 1, signalEnergy: 2, errorEnergy: 0)
        #expect([change].signalToNoiseRatio == .infinity)
        let other = TensorChange(
            name: "b", bytesBefore: 4, bytesAfter: 1, signalEnergy: 98, errorEnergy: 1)
        #expect(abs([change, other].signalToNoiseRatio - 20) < 1e-12)
    }
}
