import Foundation
import Testing

/// The checkpoint of the repository, with a tokenizer, labelled texts and PyTorch's answers.
enum TopicClassifier {
    static let folder = "\(TinyBert.root)/tools/zoo/topic-classifier"

    static func container(preset: String) throws -> String {
        try CompressedModels.path(of: folder, name: "topics", preset: preset)
    }

    /// The first lines of `evaluation.jsonl` with what PyTorch answers.
    struct Sample {
        let text: String
        let ids: [Int]
        let logits: [Double]
    }

    static func samples() throws -> [Sample] {
        let evaluation = try lines("evaluation.jsonl")
        let reference = try lines("reference.jsonl")
        try #require(!reference.isEmpty && evaluation.count >= reference.count)
        return try zip(evaluation, reference).map { example, answer in
            Sample(
                text: try #require(example["text"] as? String),
                ids: JSON.numbers(answer["input_ids"]).map { Int($0) },
                logits: JSON.numbers(answer["logits"]))
        }
    }

    static func lines(_ name: String) throws -> [[String: Any]] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
        return try data.split(separator: 0x0a).map { try JSON.object($0) }
    }

    static func labels() throws -> [String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/config.json"))
        let names = try #require(try JSON.object(data)["id2label"] as? [String: String])
        return try (0..<names.count).map { try #require(names["\($0)"]) }
    }
}
