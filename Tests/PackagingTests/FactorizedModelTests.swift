import Checkpoints
import EdgeFormat
import EdgeRuntime
import Foundation
import ModelCompression
import ModelGraph
import Tensors
import Testing

@testable import Packaging

/// Factorized models on the device against the reference executor.
@Suite struct FactorizedModelTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert/classifier").path

    private func compressed(_ passes: String) throws -> CompressedModel {
        let model = try Model(checkpoint: Checkpoint(path: Self.fixture)).keepingAnswers()
        let size = model.vocabularySize
        let sequences = (0..<24).map { (sequence: Int) -> TokenSequence in
            TokenSequence(ids: (0..<20).map { Int32(($0 * 31 + sequence * 17) % size) })
        }
        return try Recipe(parsing: Array(#"{"passes":[\#(passes)]}"#.utf8), name: "test")
            .apply(to: model, calibration: CalibrationSet(sequences))
    }

    /// Logits of the device, and of the executor that simulates its codes.
    private func logits(
        _ compressed: CompressedModel, _ extent: LoweredModel.Extent = .whatIsRead
    ) throws -> (device: [Float], reference: [Float]) {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/model.atn"
        _ = try ContainerWriter(
            LoweredModel(compressed, tokenizer: nil, extent: extent)
        ).write(to: path)
        let session = try Session(Container(path: Array(path.utf8)), options: SessionOptions())
        let ids: [Int32] = [5, 2, 8, 11, 3, 7, 1, 30, 12]
        let device = try session.run(tokenIDs: ids, typeIDs: [], outputs: [.logits])
        let executor = ReferenceExecutor(
            model: compressed.model, threadCount: 1, simulatesCodes: true)
        let reference = try #require(try executor.run(tokenIDs: ids)[.logits])
        return (device[0].values, reference.values)
    }

    @Test func floatFactorsGiveWhatTheReferenceGives() throws {
        let compressed = try compressed(#"{"pass":"factorize","rank":6,"table_rank":12}"#)
        let names = compressed.model.graph.nodes.map(\.name)
        for name in [
            "embeddings.down", "embeddings.up", "embeddings.others",
            "encoder.layer.0.attention.self.query.down", "encoder.layer.1.output.dense.down",
            "pooler.dense.down",
        ] {
            #expect(names.contains(name), "\(name)")
        }
        let (device, reference) = try logits(compressed)
        let scale = reference.reduce(0) { max($0, abs($1)) }
        for (found, expected) in zip(device, reference) {
            #expect(abs(found - expected) < 1e-5 * scale)
        }
        #expect(try logits(compressed, .everything).device == device)
    }

    @Test func theOriginalIsFarFromSoThinAModel() throws {
        let plain = try logits(compressed("")).reference
        let thin = try logits(compressed(#"{"pass":"factorize","rank":6,"table_rank":12}"#))
        let distance = zip(plain, thin.reference).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(distance > 1e-3)
    }

    /// Queries and values with factors, keys without: products of one site with and without a
    /// counterpart in the original model.
    @Test func factorsInCodesGiveWhatTheReferenceGives() throws {
        for products in [#""query","value","dense""#, #""key","output.dense","classifier""#] {
            let compressed = try compressed(
                #"{"pass":"factorize","rank":12,"products":[\#(products)],"table_rank":16},"#
                    + #"{"pass":"quantize"}"#)
            let (device, reference) = try logits(compressed)
            #expect(Tensor.cosineSimilarity(device, reference) > 0.9995)
            let lowered = try LoweredModel(compressed, tokenizer: nil)
            #expect(lowered.tensors.contains { $0.name.hasSuffix(".down.weight") })
            #expect(lowered.tensors.filter { $0.scheme == .int8Rows }.count > 8)
        }
    }
}
