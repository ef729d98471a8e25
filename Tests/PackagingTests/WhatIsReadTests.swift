import Checkpoints
import EdgeFormat
import EdgeRuntime
import Foundation
import ModelCompression
import ModelGraph
import Testing

@testable import Packaging

/// Lowering only what is read changes no bit of an answer, and saves work.
@Suite struct WhatIsReadTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert").path

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func container(
        _ model: Model, _ recipe: Recipe, _ extent: LoweredModel.Extent
    ) throws -> Container {
        let path = "\(folder.path)/\(recipe.name)-\(extent).atn"
        let lowered = try LoweredModel(
            try recipe.apply(to: model), tokenizer: nil, extent: extent)
        _ = try ContainerWriter(lowered).write(to: path)
        return try Container(path: Array(path.utf8))
    }

    private func inputs(_ lengths: [Int], of model: Model) -> [BatchSequence] {
        lengths.map { length in
            BatchSequence(
                tokenIDs: (0..<length).map {
                    Int32(($0 * 37 + length * 11) % model.vocabularySize)
                },
                typeIDs: (0..<length).map {
                    Int32($0 * 2 < length ? 0 : max(0, model.typeCount - 1))
                }
            )
        }
    }

    private func bits(_ outputs: [Output]) -> [[UInt32]] {
        outputs.map { $0.values.map(\.bitPattern) }
    }

    /// Expects the answers of a model to be those of all of it, for every instruction set and
    /// several threads, one by one and together; returns the programs.
    @discardableResult
    private func expectSameBits(
        _ model: Model, _ recipe: Recipe, threads: [Int] = [1, 2, 5],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> (everything: Program, whatIsRead: Program) {
        let everything = try container(model, recipe, .everything)
        let whatIsRead = try container(model, recipe, .whatIsRead)
        let codes = whatIsRead.directory.program.outputs.map(\.code)
        #expect(!codes.isEmpty, sourceLocation: sourceLocation)
        let reference = try Session(
            everything,
            options: SessionOptions(instructionSet: .named(Array("scalar".utf8)), threadCount: 1))
        let alone = inputs([1, 2, 17, model.maximumTokens], of: model)
        let batch = inputs([5, 1, 16, 1, 3], of: model)
        let expected = try (alone + batch).map { input in
            bits(try reference.run([input], outputs: codes)[0])
        }
        for set in InstructionSet.all where set.isSupported {
            for count in threads {
                let session = try Session(
                    whatIsRead, options: SessionOptions(instructionSet: set, threadCount: count))
                var found = try alone.map { bits(try session.run([$0], outputs: codes)[0]) }
                if session.batchRows(batch) <= session.maximumBatchRows {
                    found += try session.run(batch, outputs: codes).map(bits)
                } else {
                    found += try batch.map { bits(try session.run([$0], outputs: codes)[0]) }
                }
                let name = String(decoding: set.name, as: UTF8.self)
                #expect(
                    found == expected, "\(recipe.name), \(name), \(count) threads",
                    sourceLocation: sourceLocation)
            }
        }
        return (everything.directory.program, whatIsRead.directory.program)
    }

    // MARK: - BERT

    private func fixture(_ name: String) throws -> Checkpoint {
        try Checkpoint(path: "\(Self.fixtures)/\(name)")
    }

    /// A checkpoint that makes embeddings of its hidden states.
    private func embedder(_ mode: String, normalizes: Bool) throws -> Checkpoint {
        let path = "\(folder.path)/embedder"
        try FileManager.default.createDirectory(
            atPath: path + "/1_Pooling", withIntermediateDirectories: true)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(
                atPath: "\(Self.fixtures)/plain/\(name)", toPath: "\(path)/\(name)")
        }
        let kinds = ["Transformer", "Pooling"] + (normalizes ? ["Normalize"] : [])
        let modules = kinds.map { kind in
            ["type": "models.\(kind)", "path": kind == "Pooling" ? "1_Pooling" : ""]
        }
        try JSONSerialization.data(withJSONObject: modules)
            .write(to: URL(fileURLWithPath: path + "/modules.json"))
        try JSONSerialization.data(withJSONObject: ["pooling_mode": mode])
            .write(to: URL(fileURLWithPath: path + "/1_Pooling/config.json"))
        return try Checkpoint(path: path)
    }

    /// Multiply-accumulates that the last layer of these fixtures does not do for one input.
    private func saved(tokens: Int) -> Int {
        let (columns, inner) = (32, 64)
        return (tokens - 1) * (2 * columns * columns + 2 * columns * inner)
            + (tokens - 1) * tokens * 2 * columns
    }

    @Test(arguments: [Recipe.int8.name, Recipe.float.name])
    func aClassifierAnswersWithTheSameBits(preset: String) throws {
        let recipe = try #require(Recipe.presets.first { $0.name == preset })
        let (everything, read) = try expectSameBits(
            try Model(checkpoint: fixture("classifier")), recipe)
        #expect(everything.outputs.map(\.code) == [.hiddenState, .logits])
        #expect(read.outputs.map(\.code) == [.logits])
        for tokens in [1, 2, 40] {
            #expect(
                everything.multiplyAccumulates(tokenCount: tokens)
                    - read.multiplyAccumulates(tokenCount: tokens) == saved(tokens: tokens))
        }
    }

    @Test(arguments: [Recipe.int8.name, Recipe.float.name], [false, true])
    func anEmbeddingOfTheFirstTokenHasTheSameBits(preset: String, normalizes: Bool) throws {
        let recipe = try #require(Recipe.presets.first { $0.name == preset })
        let (everything, read) = try expectSameBits(
            try Model(checkpoint: embedder("cls", normalizes: normalizes)), recipe)
        #expect(read.outputs.map(\.code) == [.embedding])
        #expect(
            everything.multiplyAccumulates(tokenCount: 40)
                - read.multiplyAccumulates(tokenCount: 40) == saved(tokens: 40))
    }

    @Test(arguments: [Recipe.int8.name, Recipe.float.name])
    func aMeanReadsAllRows(preset: String) throws {
        let recipe = try #require(Recipe.presets.first { $0.name == preset })
        let (everything, read) = try expectSameBits(
            try Model(checkpoint: embedder("mean", normalizes: true)), recipe)
        #expect(read == everything)
    }

    @Test(arguments: [Recipe.int8.name, Recipe.float.name])
    func hiddenStatesKeepAllRowsAndLeaveThePoolerOut(preset: String) throws {
        let recipe = try #require(Recipe.presets.first { $0.name == preset })
        for name in ["plain", "classifier"] {
            let model = try Model(checkpoint: fixture(name), task: .raw)
            let (everything, read) = try expectSameBits(model, recipe)
            #expect(everything.outputs.map(\.code) == [.hiddenState, .pooled])
            #expect(read.outputs.map(\.code) == [.hiddenState])
            #expect(
                everything.multiplyAccumulates(tokenCount: 9)
                    - read.multiplyAccumulates(tokenCount: 9) == 32 * 32)
            let kept = model.keepingAnswers()
            let lowered = try LoweredModel(try recipe.apply(to: kept), tokenizer: nil)
            #expect(lowered.program == read)
            #expect(!lowered.tensors.contains { $0.name.hasPrefix("pooler") })
            #expect(
                Set(lowered.unusedTensors)
                    == Set(model.unusedTensors + tensors(of: "pooler.dense", in: model)))
        }
    }

    /// Names in the checkpoint of the parameters of a product.
    private func tensors(of product: String, in model: Model) -> [String] {
        ["\(product).bias", "\(product).weight"].compactMap { name in
            guard case .checkpoint(let tensor, _)? = model.parameters[name]?.storage else {
                return nil
            }
            return tensor
        }
    }

    @Test func theMemoryFollows() throws {
        let model = try Model(checkpoint: fixture("classifier"))
        func need(_ extent: LoweredModel.Extent, _ model: Model) throws -> MemoryNeed {
            MemoryNeed(
                try container(model, .float, extent).directory, tokenCount: 40, threadCount: 1,
                instructionSet: .fastest)
        }
        #expect(try need(.whatIsRead, model).weights == need(.everything, model).weights)
        // Of a single layer, what the products of all tokens took is not needed any more.
        let making = try ModelInTheMaking(columns: 64)
        let state = making.layer(making.embedding())
        let single = try making.model([
            .logits: making.linear(making.pooled(state, .firstRow))
        ])
        #expect(
            try need(.whatIsRead, single).activations < need(.everything, single).activations)
    }

    // MARK: - Other graphs

    /// A product of codes has a coarser GELU than an activation of its own.
    ///
    /// That a selection no longer stands between the two must not bring them together, nor must
    /// that a reader is gone.
    @Test func whatIsComputedTogetherStaysSo() throws {
        let making = try ModelInTheMaking()
        let product = making.linear(making.normalized(making.embedding()))
        let apart = making.activation(making.pooled(product, .firstRow))
        let (_, selected) = try expectSameBits(
            try making.model([.logits: making.linear(apart)]), .int8)
        let other = making.linear(making.normalized(making.embedding()))
        let active = making.activation(other)
        _ = making.normalized(other)
        let (_, alone) = try expectSameBits(
            try making.model([.logits: making.linear(making.pooled(active, .firstRow))]), .int8)
        for program in [selected, alone] {
            #expect(program.instructions.contains { $0.opcode == .activate })
        }
        let together = making.activation(making.linear(making.normalized(making.embedding())))
        let (_, fused) = try expectSameBits(
            try making.model([.logits: making.linear(making.pooled(together, .firstRow))]), .int8)
        #expect(!fused.instructions.contains { $0.opcode == .activate })
    }

    @Test(arguments: [ModelTask.raw, .classify])
    func aTermOfOneRowIsFoldedWithTheSameBits(task: ModelTask) throws {
        var model = try Model(
            checkpoint: fixture(task == .raw ? "plain" : "classifier"), task: task)
        model.typeCount = 1
        let (everything, read) = try expectSameBits(model, .float)
        func tables(_ program: Program) -> Int {
            guard case .embed(_, let terms)? = program.instructions.first else { return 0 }
            return terms.count
        }
        #expect(tables(everything) == 3)
        // The table of the classifier has halves, which do not hold the sums.
        #expect(tables(read) == (task == .raw ? 2 : 3))
        try expectSameBits(model, .int8)
    }

    @Test func randomGraphsAnswerWithTheSameBits() throws {
        var savingCount = 0
        for seed in 0..<40 as Range<UInt64> {
            let model = try Self.randomModel(seed: seed)
            for recipe in [Recipe.int8, .float] {
                let (everything, read) = try expectSameBits(
                    model, recipe, threads: [seed % 2 == 0 ? 1 : 3])
                if read.multiplyAccumulates(tokenCount: 9)
                    < everything.multiplyAccumulates(tokenCount: 9)
                {
                    savingCount += 1
                }
            }
        }
        #expect(savingCount > 20)
    }

    private static func randomModel(seed: UInt64) throws -> Model {
        let making = try ModelInTheMaking(seed: seed)
        var states = [making.embedding()]
        func any() -> ValueID {
            states[states.count - 1 - making.below(min(3, states.count))]
        }
        for _ in 0..<8 {
            let input = any()
            switch making.below(7) {
            case 0: states.append(making.linear(input))
            case 1: states.append(making.activation(making.linear(input)))
            case 2: states.append(making.normalized(making.sum(input, any())))
            case 3:
                states.append(
                    making.attention(
                        making.linear(input), any(), any(),
                        mask: making.below(4) == 0 ? .causal : .none))
            case 4: states.append(making.unit(input))
            case 5: states.append(making.activation(input, .tanh))
            default: states.append(making.normalized(making.layer(input)))
            }
        }
        let first = making.pooled(any(), .firstRow)
        let second = making.pooled(any(), [.firstRow, .firstRow, .mean][making.below(3)])
        let head = making.activation(
            making.below(2) == 0 ? first : making.linear(making.sum(first, second)))
        return try making.model([
            .hiddenState: states[states.count - 1], .logits: making.linear(head, outputs: 5),
            .embedding: making.unit(second),
        ])
    }
}
