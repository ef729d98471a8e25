import Checkpoints
import Foundation
import ModelGraph
import Tensors

@testable import ModelCompression

/// A small encoder with codes, halves and floats, some of them in a checkpoint on disk.
struct SampleModel {
    static let columns = 32
    static let vocabularySize = 3000

    private let folder: TemporaryFolder
    var model: Model
    let recipe = Recipe.int8

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/model.safetensors"
        try Self.safetensors().write(to: URL(fileURLWithPath: path))
        model = Model(
            family: "bert", task: .classify, graph: Self.graph(), parameters: [:],
            labels: ["no", "yes, \u{1f999}"], maximumTokens: 16,
            vocabularySize: Self.vocabularySize, typeCount: 0,
            checkpoint: try Checkpoint(path: path))
        let columns = Self.columns
        model.parameters = [
            "tokens": Self.codes(Self.vocabularySize, columns),
            "positions": Parameter(
                shape: [16, columns], storage: .checkpoint(name: "positions", elementType: .float16)
            ),
            "weight": Self.sparseCodes(columns, columns),
            "bias": Self.vector(columns),
            "gamma": Parameter(
                shape: [columns], storage: .checkpoint(name: "gamma", elementType: .float32)),
            "beta": Self.vector(columns),
            "head.weight": Parameter(
                shape: [2, columns],
                storage: .dense(
                    Tensor(
                        shape: [2, columns],
                        values: (0..<2 * columns).map { Float($0) - 32 }),
                    elementType: .bfloat16)),
        ]
    }

    /// Gives the input of the projection a range that is known.
    mutating func setInputRange(_ range: ClosedRange<Float>) {
        guard let index = model.graph.nodes.firstIndex(where: { $0.name == "projection" }),
            case .linear(var linear) = model.graph.nodes[index].operation
        else { preconditionFailure("the graph has a projection") }
        linear.inputRange = range
        model.graph.nodes[index].operation = .linear(linear)
    }

    /// Stores the projection in codes of 4 bits.
    mutating func useGroups(codes: [Int8]? = nil, multipliers: [Int8]? = nil) {
        let columns = Self.columns
        model.parameters["weight"] = Parameter(
            shape: [columns, columns],
            storage: .quantizedRows(
                QuantizedRows(
                    rowCount: columns, columnCount: columns,
                    codes: codes ?? (0..<columns * columns).map { Int8($0 * 7 % 16 - 8) },
                    scales: (0..<columns).map { Float($0 + 1) / 4096 },
                    multipliers: multipliers ?? (0..<columns).map { Int8($0 * 8 - 127) })))
    }

    var compressed: CompressedModel {
        CompressedModel(model: model, recipe: recipe, records: [])
    }

    private static func graph() -> Graph {
        var graph = Graph()
        let embedded = graph.append(
            "embeddings",
            .embedding([
                EmbeddingTerm(table: "tokens", index: .tokenIDs),
                EmbeddingTerm(table: "positions", index: .positions(offset: 0)),
            ]), inputs: [], rows: .tokens, columnCount: columns)
        let projected = graph.append(
            "projection", .linear(Linear(weight: "weight", bias: "bias")), inputs: [embedded],
            rows: .tokens, columnCount: columns)
        let active = graph.append(
            "activation", .activation(.gelu), inputs: [projected], rows: .tokens,
            columnCount: columns)
        var attention = Attention(
            headCount: 4, keyValueHeadCount: 4, headSize: 8, valueSize: 8, scale: 0.25,
            mask: .none)
        attention.arithmetic = .int8
        let attended = graph.append(
            "attention", .attention(attention), inputs: [active, active, active], rows: .tokens,
            columnCount: columns)
        let sum = graph.append(
            "sum", .add, inputs: [attended, embedded], rows: .tokens, columnCount: columns)
        let normalized = graph.append(
            "norm",
            .layerNormalization(
                LayerNormalization(gamma: "gamma", beta: "beta", epsilon: 1e-12)),
            inputs: [sum], rows: .tokens, columnCount: columns)
        let pooled = graph.append(
            "pool", .pool(.mean), inputs: [normalized], rows: .fixed(1), columnCount: columns)
        let logits = graph.append(
            "head", .linear(Linear(weight: "head.weight", bias: nil)), inputs: [pooled],
            rows: .fixed(1), columnCount: 2)
        let embedding = graph.append(
            "unit", .normalizeL2(epsilon: 1e-12), inputs: [pooled], rows: .fixed(1),
            columnCount: columns)
        graph.outputs = [.hiddenState: normalized, .logits: logits, .embedding: embedding]
        return graph
    }

    private static func codes(_ rows: Int, _ columns: Int) -> Parameter {
        let codes = (0..<rows * columns).map { Int8(($0 &* 2_654_435_761 >> 7) % 60 - 30) }
        return quantized(rows, columns, codes, scales: (0..<rows).map { Float($0 + 1) / 1024 })
    }

    /// Codes of which four of five are zero, without a pattern.
    private static func sparseCodes(_ rows: Int, _ columns: Int) -> Parameter {
        var state: UInt32 = 1
        func next() -> Int {
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return Int(state >> 8)
        }
        let codes = (0..<rows * columns).map { _ in
            next() % 5 > 0 ? 0 : Int8(next() % 255 - 127)
        }
        let scales = (0..<rows).map { _ in Float(next() % 100_000 + 1) * 1e-7 }
        return quantized(rows, columns, codes, scales: scales)
    }

    private static func quantized(
        _ rows: Int, _ columns: Int, _ codes: [Int8], scales: [Float]
    ) -> Parameter {
        Parameter(
            shape: [rows, columns],
            storage: .quantizedRows(
                QuantizedRows(
                    rowCount: rows, columnCount: columns, codes: codes, scales: scales)))
    }

    private static func vector(_ count: Int) -> Parameter {
        Parameter(
            shape: [count],
            storage: .dense(
                Tensor(shape: [count], values: (0..<count).map { Float($0) / 8 - 1 })))
    }

    /// Positions in F16, gamma in F32, and a matrix in F64 that no container can hold.
    private static func safetensors() -> Data {
        let header =
            #"{"gamma":{"dtype":"F32","shape":[32],"data_offsets":[0,128]},"#
            + #""positions":{"dtype":"F16","shape":[16,32],"data_offsets":[128,1152]},"#
            + #""wide":{"dtype":"F64","shape":[32,32],"data_offsets":[1152,9344]}}"#
        var data = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header.utf8)
        for index in 0..<32 {
            withUnsafeBytes(of: (Float(index) / 4).bitPattern.littleEndian) {
                data.append(contentsOf: $0)
            }
        }
        for index in 0..<512 {
            withUnsafeBytes(of: UInt16(0x3000 + index).littleEndian) { data.append(contentsOf: $0) }
        }
        data.append(contentsOf: [UInt8](repeating: 0, count: 8192))
        return data
    }
}
