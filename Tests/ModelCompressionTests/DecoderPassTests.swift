import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

/// Passes on decoders: gated networks, heads that are turned, weights that are read in two places.
@Suite struct DecoderPassTests {
    private let calibration = TinyFixture.calibration(24, vocabulary: 96)

    private func decoder(_ name: String) throws -> Model {
        try Model(checkpoint: Checkpoint(path: TinyFixture.decoder(name)))
    }

    private static let names = ["llama", "smollm", "gemma3", "gpt2", "qwen3"]
    /// Those whose two heads read a weight of their own, not the token table.
    private static let untied: Set = ["llama", "qwen3"]

    private func apply(
        _ pass: some CompressionPass, to model: Model
    ) throws -> (model: Model, record: PassRecord) {
        var left = model
        let record = try pass.apply(
            to: &left,
            context: PassContext(original: model, calibration: calibration, threadCount: 1))
        try left.validate()
        try expectThatBothHeadsAgree(left)
        return (left, record)
    }

    /// The logits of the next token are those of the last one of all.
    private func expectThatBothHeadsAgree(_ model: Model) throws {
        let executor = ReferenceExecutor(model: model, threadCount: 1, simulatesCodes: true)
        let ids: [Int32] = [5, 77, 30, 2, 9, 41, 8]
        let outputs = try executor.run(tokenIDs: ids)
        let all = try #require(outputs[.logits])
        let last = all.selectingRows([ids.count - 1])
        #expect(last.nonFiniteCount == 0)
        #expect(difference(outputs[.nextLogits], last) < 1e-5)
    }

    // MARK: - Units

    @Test func decodersHaveHeadsAndNeurons() throws {
        for (name, heads, neurons) in [
            ("llama", 2, 40), ("mistral", 2, 40), ("qwen2", 2, 40), ("qwen3", 1, 40),
            ("smollm", 1, 40), ("gemma", 1, 40), ("gpt2", 4, 128),
        ] {
            let sites = UnitSite.sites(of: try decoder(name))
            let layers = name == "qwen2" ? 3 : 2
            #expect(
                sites.map(\.kind) == (0..<layers).flatMap { _ in [.heads, .neurons] }, "\(name)")
            #expect(sites.map(\.unitCount) == (0..<layers).flatMap { _ in [heads, neurons] })
        }
        let model = try decoder("llama")
        let sites = UnitSite.sites(of: model)
        func names(_ nodes: [Int]) -> [String] { nodes.map { model.graph.nodes[$0].name } }
        #expect(
            names(sites[0].producers.map(\.node))
                == ["q_proj", "k_proj", "v_proj"].map { "layers.0.self_attn." + $0 })
        #expect(sites[0].producers.map(\.rowsPerUnit) == [16, 8, 8])
        #expect(
            names(sites[0].passed.map(\.node))
                == ["q_rotary", "k_rotary"].map { "layers.0.self_attn." + $0 })
        #expect(sites[0].passed.map(\.columnsPerUnit) == [16, 8])
        #expect(
            names(sites[1].producers.map(\.node))
                == ["gate_proj", "up_proj"].map { "layers.0.mlp." + $0 })
        #expect(names(sites[1].passed.map(\.node)) == ["layers.0.mlp.activation"])
    }

    @Test func aNormalizationOfAllHeadsTogetherHoldsThemTogether() throws {
        var model = try decoder("qwen3")
        // Without the size of its groups a normalization may be of any size.
        #expect(UnitSite.sites(of: model.graph).map(\.kind) == [.neurons, .neurons])
        let name = "layers.0.self_attn.q_norm.weight"
        model.set(name, Tensor(shape: [64], values: .init(repeating: 1, count: 64)))
        try model.validate()
        #expect(UnitSite.sites(of: model).map(\.kind) == [.neurons, .heads, .neurons])
    }

    @Test(arguments: ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gpt2"])
    func unitsThatLeaveAreUnitsThatAreMasked(name: String) throws {
        let model = try decoder(name)
        for site in UnitSite.sites(of: model) {
            let output = model.graph.nodes[site.output].name
            let linear = try model.linear(output)
            let weight = try model.floats(linear.weight)
            let bias =
                try linear.bias.map { try model.floats($0) } ?? Tensor(zeros: [weight.rowCount])
            let kept = (0..<site.unitCount).filter { $0 % 2 == 1 }
            var left = model
            try left.keep(
                kept, of: site, weight: weight.selectingColumns(site.columns(of: kept)), bias: bias)
            try left.validate()
            var masked = model
            var zeroed = weight
            let gone = site.columns(of: (0..<site.unitCount).filter { $0 % 2 == 0 })
            for row in 0..<zeroed.rowCount {
                for column in gone { zeroed.values[row * zeroed.columnCount + column] = 0 }
            }
            masked.set(linear.weight, zeroed)
            let sequences = calibration.sequences
            let found = try left.answer(sequences)
            #expect(difference(found, try masked.answer(sequences)) < 3e-5, "\(output)")
            #expect(difference(found, try model.answer(sequences)) > 1e-3, "\(output)")
        }
    }

    @Test(arguments: names)
    func layersShrink(name: String) throws {
        let model = try decoder(name)
        var pass = ShrinkLayers()
        pass.keep = 0.6
        let (left, record) = try apply(pass, to: model)
        #expect(!record.changedNothing)
        let table = name == "gpt2" ? "wte.weight" : "embed_tokens.weight"
        #expect(try left.floats(table) == model.floats(table))
        #expect(!record.outputs.contains { $0.name == "lm_head" || $0.name == "lm_head.next" })
        let before = UnitSite.sites(of: model).reduce(0) { $0 + $1.unitCount }
        #expect(UnitSite.sites(of: left).reduce(0) { $0 + $1.unitCount } < before)
    }

    @Test func blocksCanLeave() throws {
        let (left, record) = try apply(DropLayers(), to: try decoder("llama"))
        #expect(record.changes.count >= 1)
        #expect(UnitSite.sites(of: left).count == 3)
    }

    @Test func headsCanBeScored() throws {
        for score in DropHeads.Score.allCases {
            var pass = DropHeads()
            pass.score = score
            pass.share = 0.5
            let (left, _) = try apply(pass, to: try decoder("mistral"))
            let heads = UnitSite.sites(of: left).filter { $0.kind == .heads }
            #expect(heads.reduce(0) { $0 + $1.unitCount } == 2)
        }
    }

    // MARK: - Weights that are read twice

    @Test(arguments: names)
    func bothHeadsGetTheSameCodes(name: String) throws {
        let model = try decoder(name)
        var pass = QuantizeWeights()
        // Multipliers belong to the weights that they are divided out of.
        pass.smoothing = .exponent(0.5)
        let (left, _) = try apply(pass, to: model)
        #expect(try left.linear("lm_head") == left.linear("lm_head.next"))
        guard case .quantizedRows? = left.parameters[try left.linear("lm_head").weight]?.storage
        else {
            Issue.record("the head has no codes")
            return
        }
        #expect((try left.linear("lm_head").inputMultipliers != nil) == Self.untied.contains(name))
        let found = try codes(left, calibration.sequences)
        #expect(
            try model.answer(calibration.sequences).signalToNoiseRatio(ofApproximation: found) > 15)
    }

    private func codes(_ model: Model, _ sequences: [TokenSequence]) throws -> Tensor {
        let executor = ReferenceExecutor(model: model, threadCount: 1, simulatesCodes: true)
        let outputs = try executor.run(SequenceBatch(sequences, for: model))
        return try #require(outputs[.nextLogits])
    }

    @Test(arguments: names)
    func aTokenTableIsNotPrunedForItsHead(name: String) throws {
        let model = try decoder(name)
        let (left, record) = try apply(PruneWeights(), to: model)
        let isTied = !Self.untied.contains(name)
        let note = "lm_head: left whole, weights are read elsewhere, too"
        #expect(record.notes.contains(note) == isTied)
        let table = name == "gpt2" ? "wte.weight" : "embed_tokens.weight"
        #expect(try left.floats(table) == model.floats(table))
        #expect(try left.linear("lm_head") == left.linear("lm_head.next"))
        let head = try left.floats(left.linear("lm_head").weight)
        #expect(head.values.contains(0) == !isTied)
    }

    @Test func aTiedHeadIsNotFactorized() throws {
        var pass = Factorize()
        pass.target = .rank(4)
        pass.tableRank = 8
        let model = try decoder("smollm")
        let (left, record) = try apply(pass, to: model)
        #expect(try left.floats("embed_tokens.weight") == model.floats("embed_tokens.weight"))
        #expect(!record.outputs.isEmpty)
    }

    @Test func tokensOfAModelThatGeneratesStay() throws {
        let model = try decoder("llama")
        var left = model
        let vocabulary = VocabularyFacts(unknown: 0, required: [0]) { _ in nil }
        let record = try TrimVocabulary().apply(
            to: &left,
            context: PassContext(
                original: model, calibration: calibration, vocabulary: vocabulary, threadCount: 1))
        #expect(record.notes == ["a model that generates text can need any token"])
        #expect(left.keptTokens == nil && record.changes.isEmpty)
    }

    @Test func allTokensOfAGeneratorCountAlike() throws {
        let model = try decoder("llama")
        let importance = try RowImportance(model, calibration, uniformShare: 0, threadCount: 1)
        let state = try #require(model.graph.outputs[.hiddenState])
        let weights = try #require(importance[state])
        let batch = try SequenceBatch(calibration.sequences, for: model)
        for sequence in 0..<batch.count {
            let rows = batch.rows(of: sequence, .tokens)
            for row in rows {
                #expect(abs(weights[row] - weights[rows.lowerBound]) < 1e-4 * weights[row])
            }
        }
    }

    @Test func answersOfAGeneratorAreItsNextTokens() throws {
        let model = try decoder("llama")
        #expect(OutputDistance.role(of: model) == .nextLogits)
        #expect(try model.answer(calibration.sequences).shape == [24, 96])
        let check = try #require(try AnswerCheck(model, calibration, threadCount: 1))
        #expect(try check.distance(of: model) < 1e-9)
        var raw = model
        raw.task = .raw
        #expect(OutputDistance.role(of: raw) == .logits)
    }
}
