import Checkpoints
import Foundation
import ModelGraph
import Tensors

/// A model with tables, products and attention whose weights a test chooses; its checkpoint goes
/// away with its owner.
final class SmallModel {
    static let columns = 6

    private let path: String
    private(set) var model: Model

    /// - Parameters:
    ///   - weight: The weight of the product, `[outputs, columns]`.
    ///   - elementType: How the checkpoint stores `weight`.
    init(
        weight: Tensor, elementType: ElementType = .float32, tokens: Tensor? = nil,
        positions: Tensor? = nil, types: Tensor? = nil
    ) throws {
        let columns = weight.columnCount
        let outputs = weight.shape[0]
        let vectors: [(String, [Int])] = [
            ("bias", [outputs]), ("beta", [columns]), ("gamma", [columns]),
        ]
        var tensors: [(name: String, tensor: Tensor, type: ElementType)] = [
            ("positions", positions ?? Self.random([9, columns], seed: 4), .float32),
            ("tokens", tokens ?? Self.random([12, columns], seed: 5), .float32),
            ("types", types ?? Self.random([2, columns], seed: 6), .float32),
            ("unused", Tensor(shape: [1], values: [.nan]), .float32),
            ("weight", weight, elementType),
        ]
        for (index, (name, shape)) in vectors.enumerated() {
            tensors.append((name, Self.random(shape, seed: UInt64(index + 7)), .float32))
        }
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString).safetensors").path
        try Self.safetensors(tensors).write(to: URL(fileURLWithPath: path))
        var parameters: [String: Parameter] = [:]
        for (name, tensor, type) in tensors where name != "unused" {
            parameters[name] = Parameter(
                shape: tensor.shape, storage: .checkpoint(name: name, elementType: type))
        }
        model = Model(
            family: "test", task: .raw, graph: Self.graph(columns: columns, outputs: outputs),
            parameters: parameters, labels: [], maximumTokens: 8, vocabularySize: 12,
            typeCount: 2, checkpoint: try Checkpoint(path: path))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func graph(columns: Int, outputs: Int) -> Graph {
        var graph = Graph()
        let embedded = graph.append(
            "embeddings",
            .embedding([
                EmbeddingTerm(table: "tokens", index: .tokenIDs),
                EmbeddingTerm(table: "positions", index: .positions(offset: 1)),
                EmbeddingTerm(table: "types", index: .typeIDs),
            ]), inputs: [], rows: .tokens, columnCount: columns)
        let attended = graph.append(
            "attention",
            .attention(
                Attention(
                    headCount: 1, keyValueHeadCount: 1, headSize: columns, valueSize: columns,
                    scale: 1, mask: .none)),
            inputs: [embedded, embedded, embedded], rows: .tokens, columnCount: columns)
        let normalized = graph.append(
            "normalization",
            .layerNormalization(
                LayerNormalization(gamma: "gamma", beta: "beta", epsilon: 1e-12)),
            inputs: [attended], rows: .tokens, columnCount: columns)
        let product = graph.append(
            "product", .linear(Linear(weight: "weight", bias: "bias")), inputs: [normalized],
            rows: .tokens, columnCount: outputs)
        graph.outputs = [.hiddenState: product]
        return graph
    }

    /// Numbers in −1…1 with more digits than a half has.
    static func random(_ shape: [Int], seed: UInt64) -> Tensor {
        var state = seed &* 0x9e37_79b9_7f4a_7c15
        let values = (0..<shape.reduce(1, *)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
        return Tensor(shape: shape, values: values)
    }

    private static func safetensors(
        _ tensors: [(name: String, tensor: Tensor, type: ElementType)]
    ) throws -> Data {
        var table: [String: Any] = [:]
        var data = Data()
        for (name, tensor, type) in tensors {
            let begin = data.count
            switch type {
            case .float16:
                for value in tensor.values {
                    withUnsafeBytes(of: Float16(value).bitPattern) { data.append(contentsOf: $0) }
                }
            case .bfloat16:
                for value in tensor.values {
                    withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) {
                        data.append(contentsOf: $0)
                    }
                }
            default:
                tensor.values.withUnsafeBytes { data.append(contentsOf: $0) }
            }
            table[name] = [
                "dtype": type.name, "shape": tensor.shape, "data_offsets": [begin, data.count],
            ]
        }
        let header = try JSONSerialization.data(withJSONObject: table, options: [.sortedKeys])
        var file = Data()
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { file.append(contentsOf: $0) }
        return file + header + data
    }
}
