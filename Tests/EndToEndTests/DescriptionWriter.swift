import Foundation
import Testing

/// The text generator of the repository, with prompts and what PyTorch says of them.
enum DescriptionWriter {
    static let folder = "\(TinyBert.root)/tools/zoo/description-writer"

    static func container(preset: String) throws -> String {
        try CompressedModels.path(of: folder, name: "writer", preset: preset)
    }

    /// A line of `reference.jsonl`.
    struct Sample {
        let text: String
        let ids: [Int]
        /// The tokens that PyTorch adds, the one that ends the text included.
        let greedy: [Int]
        let continuation: String
        /// How far the logit of each of `greedy` lies above the second best.
        let margins: [Double]
        /// Positions of the prompt, and for each the logits of every eighth token.
        let rows: [Int]
        let logits: [[Double]]

        /// The tokens that are part of the text.
        var added: [Int] { greedy.filter { $0 != endToken } }
    }

    static let endToken = 1
    static let columnStep = 8

    static func samples() throws -> [Sample] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/reference.jsonl"))
        let samples = try data.split(separator: 0x0a).map { try sample(JSON.object($0)) }
        try #require(samples.count == 12)
        return samples
    }

    private static func sample(_ line: [String: Any]) throws -> Sample {
        let rows = JSON.numbers(line["rows"]).map { Int($0) }
        let values = floats(try #require(Data(base64Encoded: line["logits"] as? String ?? "")))
        let columns = values.count / rows.count
        try #require(columns > 0 && columns * rows.count == values.count)
        return Sample(
            text: try #require(line["text"] as? String),
            ids: JSON.numbers(line["input_ids"]).map { Int($0) },
            greedy: JSON.numbers(line["greedy"]).map { Int($0) },
            continuation: try #require(line["continuation"] as? String),
            margins: JSON.numbers(line["margins"]), rows: rows,
            logits: rows.indices.map { Array(values[$0 * columns..<($0 + 1) * columns]) })
    }

    private static func floats(_ data: Data) -> [Double] {
        let bytes = Array(data)
        return stride(from: 0, to: bytes.count - 3, by: 4).map { start in
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * $1) }
            return Double(Float(bitPattern: bits))
        }
    }

    /// Lines of `--input` with the texts of samples.
    static func lines(_ samples: [Sample]) throws -> [UInt8] {
        try samples.flatMap { sample in
            Array(try JSONSerialization.data(withJSONObject: ["text": sample.text])) + [0x0a]
        }
    }

    /// The logits of a container for each of `inputs`, `[tokens][vocabulary]`.
    static func logits(_ preset: String, of inputs: [[Int]]) throws -> [[[Double]]] {
        let lines = inputs.map { "{\"ids\":\($0)}\n" }.joined()
        let run = try Program.runEdge.run(
            [container(preset: preset), "--task", "raw", "--input", "-"], input: Array(lines.utf8))
        try run.expectDone()
        try #require(run.lines.count == inputs.count)
        return try zip(run.lines, inputs).map { line, ids in
            let rows = try #require(try JSON.object(line)["output"] as? [[Double]])
            try #require(rows.count == ids.count)
            return rows
        }
    }
}
