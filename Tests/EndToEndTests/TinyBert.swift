import Foundation
import Testing

/// The small checkpoints of `Tests/Fixtures/tiny-bert` with what PyTorch computes from them.
enum TinyBert: String, CaseIterable {
    case plain
    case classifier
    case sharded = "bf16-sharded"
    case geluNew = "gelu-new"
    case relu
    case prefixed
    case oldNames = "old-names"

    static let vocabularySize = 100
    static let maximumTokens = 40
    static let columnCount = 32

    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    var folder: String { "\(Self.root)/Tests/Fixtures/tiny-bert/\(rawValue)" }

    /// One input with the outputs of PyTorch.
    struct Sample {
        let ids: [Int]
        let typeIDs: [Int]
        /// The last hidden state, `[ids.count, columnCount]`.
        let hiddenState: [Double]
        /// Empty where the model has no classifier.
        let logits: [Double]

        /// The input as a line of JSON.
        var line: String { "{\"ids\":\(ids),\"type_ids\":\(typeIDs)}\n" }
    }

    func samples() throws -> [Sample] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected.json"))
        let cases = try #require(try JSON.object(data)["cases"] as? [[String: Any]])
        return cases.map { sample in
            Sample(
                ids: JSON.numbers(sample["input_ids"]).map { Int($0) },
                typeIDs: JSON.numbers(sample["token_type_ids"]).map { Int($0) },
                hiddenState: JSON.numbers(sample["last_hidden_state"]),
                logits: JSON.numbers(sample["logits"]))
        }
    }
}
