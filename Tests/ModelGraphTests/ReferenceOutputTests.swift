import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// The executor against outputs of PyTorch on the same small checkpoints.
@Suite struct ReferenceOutputTests {
    @Test(arguments: [
        "plain", "classifier", "bf16-sharded", "gelu-new", "relu", "prefixed", "old-names",
    ])
    func outputsEqualThoseOfPyTorch(name: String) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-bert/\(name)").path
        let checkpoint = try Checkpoint(path: folder)
        #expect(checkpoint.warnings.isEmpty)
        let expected = try #require(try checkpoint.json(named: "expected.json"))
        let cases = try #require(expected["cases"]?.array)
        #expect(!cases.isEmpty)
        var comparisons = 0
        for task in ModelTask.allCases {
            guard let model = try? Model(checkpoint: checkpoint, task: task) else { continue }
            let executor = ReferenceExecutor(model: model, threadCount: 2)
            for sample in cases {
                let outputs = try executor.run(
                    tokenIDs: try ids(sample["input_ids"]),
                    typeIDs: try ids(sample["token_type_ids"]))
                for (role, field) in [
                    (OutputRole.hiddenState, "last_hidden_state"), (.pooled, "pooler_output"),
                    (.logits, "logits"),
                ] {
                    guard let output = outputs[role], let values = sample[field], !values.isNull
                    else { continue }
                    try expectClose(output, to: numbers(values))
                    comparisons += 1
                }
            }
        }
        #expect(comparisons >= cases.count)
    }

    private func expectClose(_ output: Tensor, to expected: [Double]) throws {
        try #require(output.elementCount == expected.count)
        let scale = expected.map { abs($0) }.max() ?? 0
        let error = zip(output.values, expected).map { abs(Double($0) - $1) }.max() ?? 0
        #expect(error <= 1e-5 * scale, "largest error \(error) of \(scale)")
    }

    private func ids(_ json: JSONValue?) throws -> [Int32] {
        try #require(json?.array).map { Int32(try #require($0.integer)) }
    }

    /// The numbers of nested arrays, row-major.
    private func numbers(_ json: JSONValue) -> [Double] {
        if let array = json.array { return array.flatMap { numbers($0) } }
        return json.number.map { [$0] } ?? []
    }
}
