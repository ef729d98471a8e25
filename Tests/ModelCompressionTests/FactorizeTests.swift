import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct FactorizeTests {
    /// A matrix of low rank, and a little that is not.
    private func lowRank(
        _ rows: Int, _ columns: Int, rank: Int, noise: Float = 0, seed: UInt64
    ) -> Tensor {
        let left = SmallModel.random([rows, rank], seed: seed)
        let right = SmallModel.random([columns, rank], seed: seed + 1)
        let rest = SmallModel.random([rows, columns], seed: seed + 2)
        let product = MatrixProduct.multiply(
            left.values.map { Double($0) }, right.values.map { Double($0) }, transposed: true,
            rows: rows, columns: columns, depth: rank)
        return Tensor(
            shape: [rows, columns],
            values: zip(product, rest.values).map { Float($0) + noise * $1 })
    }

    private let calibration = CalibrationSet(
        (0..<16).map { (sequence: Int) -> TokenSequence in
            let ids = (0..<8).map { (place: Int) -> Int32 in
                Int32((place * 5 + sequence * 7 + place * sequence) % 12)
            }
            return TokenSequence(ids: ids, typeIDs: [0, 0, 0, 0, 1, 1, 1, 1])
        })

    private func apply(
        _ recipe: String, to model: Model, calibrated: Bool = true
    ) throws -> CompressedModel {
        try Recipe(parsing: Array(recipe.utf8), name: "test")
            .apply(to: model, calibration: calibrated ? calibration : nil)
    }

    private func outputs(_ model: Model) throws -> Tensor {
        let executor = ReferenceExecutor(model: model, threadCount: 1)
        let outputs = try executor.run(
            tokenIDs: [3, 1, 4, 1, 5, 9, 2, 6], typeIDs: [0, 0, 0, 0, 0, 1, 1, 1])
        return try #require(outputs[.hiddenState])
    }

    private func names(_ model: Model) -> [String] { model.graph.nodes.map(\.name) }

    @Test(arguments: [true, false])
    func aProductOfLowRankIsReplacedAlmostExactly(calibrated: Bool) throws {
        let small = try SmallModel(weight: lowRank(40, 6, rank: 2, seed: 1))
        let compressed = try apply(
            #"{"passes":[{"pass":"factorize","energy":0.999999,"multiple":1}]}"#, to: small.model,
            calibrated: calibrated)
        let model = compressed.model
        try model.validate()
        #expect(
            names(model) == ["embeddings", "attention", "normalization", "product.down", "product"])
        #expect(model.parameters["product.down.weight"] == nil)
        #expect(model.parameters["weight.down"]?.shape == [2, 6])
        #expect(model.parameters["weight"]?.shape == [40, 2])
        #expect(model.graph.outputs == small.model.graph.outputs)
        let (before, after) = (try outputs(small.model), try outputs(model))
        #expect(before.squaredDistance(to: after) < 1e-9 * before.varianceSum)
        let record = compressed.records[0]
        let output = try #require(record.outputs.first)
        #expect(output.name == "product" && output.relativeError < 1e-9)
        #expect(record.changes.map(\.name) == ["weight", "weight.down"])
        #expect(record.changes.reduce(0) { $0 + $1.bytesBefore } == 40 * 6 * 4)
        #expect(record.changes.reduce(0) { $0 + $1.bytesAfter } == (40 + 6) * 2 * 4)
        #expect(record.changes.signalToNoiseRatio > 60)
        #expect(record.notes.contains { $0.hasPrefix("product: rank 2 of 6") })
        #expect(record.notes.contains { $0.contains("no calibration data") } == !calibrated)
    }

    @Test func theErrorThatIsToldIsThatOfTheModel() throws {
        let small = try SmallModel(weight: lowRank(40, 6, rank: 2, noise: 0.2, seed: 5))
        let compressed = try apply(
            #"{"passes":[{"pass":"factorize","rank":2,"realignment":0}]}"#, to: small.model)
        let change = try #require(compressed.records[0].outputs.first)
        let executors = [small.model, compressed.model].map {
            ReferenceExecutor(model: $0, threadCount: 1)
        }
        var error = 0.0
        for sequence in calibration.sequences[calibration.heldOut] {
            let found = try executors.map {
                try #require(
                    try $0.run(tokenIDs: sequence.ids, typeIDs: sequence.typeIDs)[.hiddenState])
            }
            error += found[0].squaredDistance(to: found[1])
        }
        #expect(abs(change.errorAfter - error) < 1e-4 * error)
        #expect(change.relativeError > 1e-4 && change.relativeError < 0.2)
    }

    @Test func aProductThatSavesNothingStaysWhole() throws {
        let small = try SmallModel(weight: SmallModel.random([7, 6], seed: 2))
        for target in [#""rank":3"#, #""energy":1"#] {
            let compressed = try apply(
                #"{"passes":[{"pass":"factorize",\#(target)}]}"#, to: small.model)
            #expect(compressed.model.graph == small.model.graph)
            #expect(compressed.records[0].changedNothing)
            #expect(
                compressed.records[0].notes == [
                    "left whole, factors would save too little: product"
                ])
        }
    }

    @Test func onlyTheProductsThatAreNamedAreReplaced() throws {
        let small = try SmallModel(weight: lowRank(40, 6, rank: 2, seed: 3))
        let compressed = try apply(
            #"{"passes":[{"pass":"factorize","rank":2,"products":["query"]}]}"#, to: small.model)
        #expect(compressed.records[0].changedNothing)
        #expect(
            compressed.records[0].notes == ["'query' begins or ends the name of no product"])
        for pattern in ["prod", "uct", "product"] {
            let compressed = try apply(
                #"{"passes":[{"pass":"factorize","rank":2,"products":["\#(pattern)"]}]}"#,
                to: small.model)
            #expect(names(compressed.model).contains("product.down"))
        }
    }

    @Test func aTableOfLowRankIsReplacedAlmostExactly() throws {
        let small = try SmallModel(
            weight: SmallModel.random([7, 6], seed: 4), tokens: lowRank(12, 6, rank: 2, seed: 8))
        let compressed = try apply(
            #"{"passes":[{"pass":"factorize","products":[],"table_rank":2}]}"#, to: small.model)
        let model = compressed.model
        try model.validate()
        #expect(
            Array(names(model).prefix(5)) == [
                "embeddings.down", "embeddings.up", "embeddings.others", "embeddings", "attention",
            ])
        #expect(model.parameters["tokens"]?.shape == [12, 2])
        let (before, after) = (try outputs(small.model), try outputs(model))
        #expect(before.squaredDistance(to: after) < 1e-8 * before.varianceSum)
        let record = compressed.records[0]
        #expect(record.changes.map(\.name) == ["tokens", "embeddings.up.weight"])
        #expect(record.outputs.map(\.name) == ["embeddings"])
        #expect(record.outputs[0].signalEnergy > 0 && record.outputs[0].relativeError < 1e-8)
    }

    @Test func aTableThatSavesNothingStaysWhole() throws {
        let small = try SmallModel(weight: SmallModel.random([7, 6], seed: 4))
        for rank in [4, 6, 100] {
            let compressed = try apply(
                #"{"passes":[{"pass":"factorize","products":[],"table_rank":\#(rank)}]}"#,
                to: small.model)
            #expect(compressed.model.graph == small.model.graph)
            #expect(
                compressed.records[0].notes == [
                    "tokens: left whole, rank \(rank) would save too little of 12×6"
                ])
        }
    }

    /// The factors in front have no counterpart in the original model: they are their own target.
    @Test func factorsAreQuantizedLikeOtherProducts() throws {
        let small = try SmallModel(
            weight: lowRank(40, 6, rank: 2, seed: 1), tokens: lowRank(12, 6, rank: 2, seed: 8))
        let compressed = try apply(
            #"{"passes":[{"pass":"factorize","rank":2,"table_rank":2},{"pass":"quantize"}]}"#,
            to: small.model)
        for name in ["weight", "weight.down", "embeddings.up.weight", "tokens"] {
            guard case .quantizedRows? = compressed.model.parameters[name]?.storage else {
                Issue.record("\(name) has no codes")
                continue
            }
        }
        try compressed.model.validate()
        let record = compressed.records[1]
        #expect(record.outputs.map(\.name) == ["embeddings.up", "product.down", "product"])
        #expect(record.outputs.allSatisfy { $0.relativeError < 1e-3 && $0.errorBefore >= 0 })
        let (before, after) = (try outputs(small.model), try outputs(compressed.model))
        #expect(before.squaredDistance(to: after) < 1e-3 * before.varianceSum)
        // Codes are not factorized.
        let again = try Factorize().applied(to: compressed.model, calibration)
        #expect(again.changedNothing && again.notes.contains { $0.contains("left whole") })
    }

    @Test func aDryRunReckonsWithTheRanks() throws {
        let small = try SmallModel(weight: lowRank(40, 6, rank: 2, seed: 1))
        let before = SizeEstimate(small.model)
        for (target, elements) in [
            (Factorize.Target.rank(2), 92.0), (.rank(6), 240), (.keep(0.5), 92),
            (.energy(0.9), 240),
        ] {
            var factorize = Factorize()
            factorize.target = target
            factorize.multiple = 1
            // Of 12 · 6 numbers, 2 · 18 stay.
            factorize.tableRank = 2
            var size = before
            factorize.estimate(&size)
            #expect(size.entries["weight"]?.elements == elements, "\(target)")
            #expect(size.entries["tokens"]?.elements == 36)
            #expect(!factorize.summary.isEmpty)
        }
    }

    @Test func wrongOptionsAreRefused() {
        func parse(_ options: String) throws(RecipeError) {
            _ = try Recipe(
                parsing: Array(#"{"passes":[{"pass":"factorize",\#(options)}]}"#.utf8), name: "t")
        }
        #expect(
            throws: RecipeError.excluding(
                place: "passes[0]", members: ["rank", "energy", "keep"])
        ) { try parse(#""rank":4,"keep":0.5"#) }
        #expect(throws: RecipeError.self) { try parse(#""rank":0"#) }
        #expect(throws: RecipeError.self) { try parse(#""energy":1.5"#) }
        #expect(throws: RecipeError.self) { try parse(#""products":[1]"#) }
        #expect(throws: RecipeError.self) { try parse(#""table_rank":"all""#) }
        #expect(throws: Never.self) { try parse(#""rank":4,"products":["x"],"table_rank":3"#) }
    }
}

extension Factorize {
    fileprivate func applied(
        to model: Model, _ calibration: CalibrationSet
    ) throws(CompressionError) -> PassRecord {
        var model = model
        return try apply(
            to: &model,
            context: PassContext(original: model, calibration: calibration, threadCount: 1))
    }
}
