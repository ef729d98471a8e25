import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// A committed checkpoint of a small decoder with what PyTorch answers.
struct DecoderFixture {
    struct Prompt {
        let ids: [Int32]
        /// Tokens after which the logits are known.
        let rows: [Int]
        /// Shape `[rows, vocabulary]`.
        let logits: [Float]
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/tiny-decoders").path
    static let names = [
        "llama", "llama-biases", "llama-linear", "llama-dynamic", "llama-llama3", "llama-yarn",
        "llama-yarn-mscale", "llama-longrope", "smollm", "mistral", "qwen2", "qwen3", "smollm3",
        "phi3", "gemma", "gemma2", "gemma3", "gpt2", "gpt2-variant",
    ]

    let checkpoint: Checkpoint
    let vocabularySize: Int
    let prompts: [Prompt]
    /// A prompt and the tokens that greedy decoding adds to it.
    let greedy: (prompt: [Int32], ids: [Int32])

    init(_ name: String) throws {
        checkpoint = try Checkpoint(path: Self.folder + "/" + name)
        let json = try #require(try checkpoint.json(named: "reference.json"))
        vocabularySize = try #require(json["vocabulary"]?.integer)
        prompts = try #require(json["prompts"]?.array).map { prompt in
            let data = try #require(Data(base64Encoded: prompt["logits"]?.string ?? ""))
            return Prompt(
                ids: try Self.ids(prompt["ids"]),
                rows: try Self.ids(prompt["rows"]).map { Int($0) },
                logits: data.withUnsafeBytes { bytes in
                    (0..<bytes.count / 4).map {
                        bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
                    }
                })
        }
        greedy = (try Self.ids(json["greedy"]?["prompt"]), try Self.ids(json["greedy"]?["ids"]))
    }

    private static func ids(_ json: JSONValue?) throws -> [Int32] {
        try #require(json?.array).map { Int32(try #require($0.integer)) }
    }
}

/// A copy of a committed decoder that a test can change; it goes away with its owner.
final class TinyDecoder {
    let path: String
    var tensors: [String: Tensor] = [:]
    var configuration: [String: Any]
    /// nil for none.
    var generationConfiguration: [String: Any]?

    init(_ name: String) throws {
        let source = DecoderFixture.folder + "/" + name
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
        let checkpoint = try Checkpoint(path: source)
        for name in checkpoint.tensorNames { tensors[name] = try checkpoint.floats(name) }
        configuration = try #require(try Self.json(source + "/config.json"))
        generationConfiguration = try Self.json(source + "/generation_config.json")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func json(_ path: String) throws -> [String: Any]? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try JSONSerialization.jsonObject(with: data) as? [String: Any]
    }

    /// Keeps some rows of a tensor.
    func keep(rows: Range<Int>, of name: String) throws {
        let tensor = try #require(tensors[name])
        let width = tensor.elementCount / tensor.shape[0]
        let values = tensor.values[rows.lowerBound * width..<rows.upperBound * width]
        tensors[name] = Tensor(
            shape: [rows.count] + tensor.shape.dropFirst(), values: Array(values))
    }

    /// Keeps some columns of a tensor.
    func keep(columns: Range<Int>, of name: String) throws {
        let tensor = try #require(tensors[name])
        let width = tensor.columnCount
        let values = tensor.values.enumerated().filter { columns.contains($0.offset % width) }
        tensors[name] = Tensor(
            shape: [tensor.rowCount, columns.count], values: values.map(\.element))
    }

    func checkpoint() throws -> Checkpoint {
        try writeCheckpoint(tensors, to: path)
        for (name, value) in [
            ("config.json", configuration), ("generation_config.json", generationConfiguration),
        ] {
            let url = URL(fileURLWithPath: path + "/" + name)
            try? FileManager.default.removeItem(at: url)
            if let value { try JSONSerialization.data(withJSONObject: value).write(to: url) }
        }
        return try Checkpoint(path: path)
    }

    func model(task: ModelTask? = nil) throws -> Model {
        try Model(checkpoint: checkpoint(), task: task)
    }
}

/// Writes tensors as `model.safetensors`.
func writeCheckpoint(_ tensors: [String: Tensor], to path: String) throws {
    var table: [String: Any] = [:]
    var data = Data()
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
        let begin = data.count
        tensor.values.withUnsafeBytes { data.append(contentsOf: $0) }
        table[name] = [
            "dtype": "F32", "shape": tensor.shape, "data_offsets": [begin, data.count],
        ]
    }
    let header = try JSONSerialization.data(withJSONObject: table)
    var file = Data()
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { file.append(contentsOf: $0) }
    file.append(header)
    file.append(data)
    // A file in the place of the one before, which may be mapped.
    try file.write(to: URL(fileURLWithPath: path + "/model.safetensors"), options: .atomic)
}
