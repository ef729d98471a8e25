import Checkpoints
import Foundation
import ModelGraph
import Tensors

/// A checkpoint folder with a small BERT whose parts a test can change; it goes away with its owner.
final class TinyBert {
    static let columns = 8
    static let headCount = 2
    static let innerColumns = 12

    let path: String
    var tensors: [String: Tensor] = [:]
    var configuration: [String: Any] = [
        "model_type": "bert", "architectures": ["BertModel"], "num_attention_heads": headCount,
        "hidden_size": columns, "num_hidden_layers": 2, "max_position_embeddings": 10,
        "hidden_act": "gelu",
    ]

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
        let columns = Self.columns
        add("embeddings.word_embeddings.weight", [20, columns])
        add("embeddings.position_embeddings.weight", [10, columns])
        add("embeddings.token_type_embeddings.weight", [2, columns])
        addNormalization("embeddings.LayerNorm")
        for layer in 0..<2 {
            let name = "encoder.layer.\(layer)"
            for part in ["self.query", "self.key", "self.value", "output.dense"] {
                addLinear("\(name).attention.\(part)", columns, columns)
            }
            addNormalization("\(name).attention.output.LayerNorm")
            addLinear("\(name).intermediate.dense", Self.innerColumns, columns)
            addLinear("\(name).output.dense", columns, Self.innerColumns)
            addNormalization("\(name).output.LayerNorm")
        }
        addLinear("pooler.dense", columns, columns)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func add(_ name: String, _ shape: [Int]) {
        let count = shape.reduce(1, *)
        var state = UInt64(truncatingIfNeeded: name.utf8.reduce(7) { $0 &* 31 &+ Int($1) })
        let values = (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int(state >> 40) % 2001 - 1000) / 1000
        }
        tensors[name] = Tensor(shape: shape, values: values)
    }

    func addLinear(_ name: String, _ outputs: Int, _ inputs: Int) {
        add(name + ".weight", [outputs, inputs])
        add(name + ".bias", [outputs])
    }

    private func addNormalization(_ name: String) {
        add(name + ".weight", [Self.columns])
        add(name + ".bias", [Self.columns])
    }

    /// Renames every tensor.
    func rename(_ body: (String) -> String) {
        tensors = Dictionary(
            uniqueKeysWithValues: tensors.map { (body($0.key), $0.value) })
    }

    /// Keeps some rows of a weight and its bias.
    func keep(outputs: Range<Int>, of name: String) throws {
        for suffix in [".weight", ".bias"] {
            guard let tensor = tensors[name + suffix] else { continue }
            let width = tensor.elementCount / tensor.shape[0]
            let values = tensor.values[outputs.lowerBound * width..<outputs.upperBound * width]
            tensors[name + suffix] = Tensor(
                shape: [outputs.count] + tensor.shape.dropFirst(), values: Array(values))
        }
    }

    /// Keeps some columns of a weight.
    func keep(inputs: Range<Int>, of name: String) throws {
        guard let tensor = tensors[name + ".weight"] else { return }
        let columns = tensor.columnCount
        let values = tensor.values.enumerated().filter { inputs.contains($0.offset % columns) }
        tensors[name + ".weight"] = Tensor(
            shape: [tensor.shape[0], inputs.count], values: values.map(\.element))
    }

    func writeJSON(_ name: String, _ value: Any) throws {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try JSONSerialization.data(withJSONObject: value).write(to: url)
    }

    func checkpoint() throws -> Checkpoint {
        try writeCheckpoint(tensors, to: path)
        try writeJSON("config.json", configuration)
        return try Checkpoint(path: path)
    }

    func model(task: ModelTask? = nil) throws -> Model {
        try Model(checkpoint: checkpoint(), task: task)
    }

    func addClassifier(labels: Int) {
        addLinear("classifier", labels, Self.columns)
        configuration["architectures"] = ["BertForSequenceClassification"]
    }

    func addModules(_ kinds: [String] = ["Transformer", "Pooling", "Normalize"]) throws {
        let paths = ["Transformer": "", "Pooling": "1_Pooling"]
        try writeJSON(
            "modules.json",
            kinds.enumerated().map { index, kind in
                [
                    "idx": index, "name": String(index),
                    "path": paths[kind] ?? "\(index)_\(kind)",
                    "type": "sentence_transformers.models.\(kind)",
                ]
            })
    }

    func addPooling(_ modes: [String], dimension: Int = columns) throws {
        var pooling: [String: Any] = [
            "word_embedding_dimension": dimension, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": false,
            "pooling_mode_mean_sqrt_len_tokens": false,
        ]
        for mode in modes { pooling["pooling_mode_\(mode)"] = true }
        try writeJSON("1_Pooling/config.json", pooling)
    }
}
