import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// The float executor on a real checkpoint, which `tools/test --models` fetches.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["ATTENUATE_MODELS"] != nil,
        "needs all-MiniLM-L6-v2, which tools/test --models fetches"))
struct MiniLMReferenceTests {
    private struct Reference: Decodable {
        struct Case: Decodable {
            let ids: [Int32]
            let embedding: [Float]

            enum CodingKeys: String, CodingKey {
                case ids = "input_ids"
                case embedding
            }
        }
        let cases: [Case]
    }

    @Test("The float executor gives PyTorch's embeddings within 1e-5")
    func embeddingsAreThoseOfPyTorch() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["ATTENUATE_MODELS"])
        let path = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/minilm/reference.json")
        let cases = try JSONDecoder().decode(
            Reference.self, from: Data(contentsOf: path)
        ).cases
        try #require(!cases.isEmpty)
        let executor = ReferenceExecutor(
            model: try Model(checkpoint: Checkpoint(path: folder)), threadCount: 1)
        for expected in cases {
            let outputs = try executor.run(tokenIDs: expected.ids)
            let embedding = try #require(outputs[.embedding])
            try #require(embedding.values.count == expected.embedding.count)
            for (found, wanted) in zip(embedding.values, expected.embedding) {
                #expect(abs(found - wanted) <= 1e-5)
            }
        }
    }
}
