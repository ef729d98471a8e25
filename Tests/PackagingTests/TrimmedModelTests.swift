import Checkpoints
import EdgeFormat
import EdgeRuntime
import Foundation
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression
@testable import Packaging

/// Models with rows for some tokens only, on the device.
@Suite struct TrimmedModelTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert/classifier").path

    private let folder: TemporaryFolder
    private let model: Model

    init() throws {
        folder = try TemporaryFolder()
        model = try Model(checkpoint: Checkpoint(path: Self.fixture)).keepingAnswers()
    }

    private func compressed(_ passes: String) throws -> CompressedModel {
        let sequences = (0..<8).map { (sequence: Int) -> TokenSequence in
            TokenSequence(ids: (0..<9).map { Int32(($0 * 7 + sequence) % 40) })
        }
        return try Recipe(parsing: Array(#"{"passes":[\#(passes)]}"#.utf8), name: "test").apply(
            to: model, calibration: CalibrationSet(sequences),
            vocabulary: VocabularyFacts(unknown: 41, required: [45, 50]) { _ in nil })
    }

    private func write(_ compressed: CompressedModel) throws -> Container {
        let path = "\(folder.path)/model.atn"
        _ = try ContainerWriter(LoweredModel(compressed, tokenizer: nil)).write(to: path)
        return try Container(path: Array(path.utf8))
    }

    private func logits(_ container: Container, _ ids: [Int32]) throws -> [Float] {
        try Session(container, options: SessionOptions())
            .run(tokenIDs: ids, typeIDs: [], outputs: [.logits])[0].values
    }

    @Test(arguments: ["", #",{"pass":"quantize"}"#])
    func answersToKeptTokensKeepTheirBits(then: String) throws {
        let trimmed = try write(compressed(#"{"pass":"trim-vocabulary"}"# + then))
        #expect(trimmed.directory.features.contains(Array("kept-tokens".utf8)))
        #expect(trimmed.directory.program.vocabularySize == model.vocabularySize)
        let names = trimmed.directory.tensors.map { String(decoding: $0.name, as: UTF8.self) }
        let table = try #require(names.firstIndex(of: "embeddings.word_embeddings.weight"))
        // 40 of the corpus, the unknown one and two that are needed.
        #expect(trimmed.directory.tensors[table].rowCount == 43)
        let kept: [Int32] = [3, 39, 0, 45, 50, 41, 17]
        let found = try logits(trimmed, kept)
        let left = try logits(trimmed, [42, 39, 0, 45, 44, 41, 17])
        #expect(left == (try logits(trimmed, [41, 39, 0, 45, 41, 41, 17])))
        #expect(left != found)
        if then.isEmpty {
            let full = try write(compressed(""))
            #expect(!full.directory.features.contains(Array("kept-tokens".utf8)))
            #expect(found == (try logits(full, kept)))
        }
    }

    @Test(
        .enabled(
            if: IndependentReader.python != nil, Comment(rawValue: IndependentReader.absence)))
    func theIndependentReaderChecksKeptTokens() throws {
        let container = try write(compressed(#"{"pass":"trim-vocabulary"}"#))
        let path = "\(folder.path)/model.atn"
        let answer = try IndependentReader.read([path, "--json"])
        #expect(answer.status == 0, "\(answer.errors)")
        let json = try #require(
            try JSONSerialization.jsonObject(with: answer.output) as? [String: Any])
        let program = try #require(json["program"] as? [String: Any])
        let first = try #require((program["instructions"] as? [[String: Any]])?.first)
        guard case .embed(_, let terms) = container.directory.program.instructions[0] else {
            Issue.record("the program does not begin with its embedding")
            return
        }
        #expect(
            first["tensors"] as? [Int] == terms.map(\.table) + terms.compactMap(\.keptTokens))
        #expect((first["attributes"] as? [Int])?.first == 3)

        // A row without a token.
        let table = "embeddings.word_embeddings.weight"
        var wrong = try compressed(#"{"pass":"trim-vocabulary"}"#)
        var model = wrong.model
        let rows = try #require(model.parameters[table])
        let longer = try rows.floats(in: model.checkpoint).selectingRows([0] + Array(0..<43))
        model.parameters[table] = Parameter(shape: longer.shape, storage: .dense(longer))
        wrong = CompressedModel(model: model, recipe: wrong.recipe, records: [])
        _ = try ContainerWriter(
            LoweredModel(wrong, tokenizer: nil, extent: .everything)
        ).write(to: path)
        let refused = try IndependentReader.read([path])
        #expect(refused.status == 3 && refused.errors.contains("are kept"), "\(refused.errors)")
        #expect(throws: RuntimeError.self) {
            try Session(Container(path: Array(path.utf8)), options: SessionOptions())
        }
    }
}
