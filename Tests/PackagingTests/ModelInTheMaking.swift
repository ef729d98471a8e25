import Checkpoints
import Foundation
import ModelGraph
import Tensors

/// A graph with random float32 weights that a test puts together node by node.
final class ModelInTheMaking {
    static let vocabularySize = 30
    static let typeCount = 2
    static let maximumTokens = 50

    let columns: Int
    var graph = Graph()
    var parameters: [String: Parameter] = [:]
    private let folder: TemporaryFolder
    private var state: UInt64

    init(columns: Int = 16, seed: UInt64 = 1) throws {
        self.columns = columns
        state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
        folder = try TemporaryFolder()
    }

    /// A checkpoint with a single tensor, which no graph reads.
    private func checkpoint() throws -> Checkpoint {
        let header = #"{"absent":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        var data = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header.utf8)
        data.append(contentsOf: [0, 0, 0, 0])
        let path = folder.path + "/model.safetensors"
        try data.write(to: URL(fileURLWithPath: path))
        return try Checkpoint(path: path)
    }

    func model(_ outputs: [OutputRole: ValueID], task: ModelTask = .raw) throws -> Model {
        graph.outputs = outputs
        let model = Model(
            family: "test", task: task, graph: graph, parameters: parameters, labels: [],
            maximumTokens: Self.maximumTokens, vocabularySize: Self.vocabularySize,
            typeCount: Self.typeCount, checkpoint: try checkpoint(), unusedTensors: ["absent"])
        try model.validate()
        return model
    }

    // MARK: Numbers

    func below(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }

    /// Adds a parameter with numbers in −scale …< scale and returns its name.
    func parameter(
        _ shape: [Int], scale: Float = 1, as elementType: ElementType = .float32
    ) -> String {
        let name = "p\(parameters.count)"
        let values = (0..<shape.reduce(1, *)).map { _ in
            let value = (Float(below(1 << 20)) / Float(1 << 19) - 1) * scale
            return elementType == .float16 ? HalfFloat.widen(HalfFloat.narrow(value)) : value
        }
        parameters[name] = Parameter(
            shape: shape,
            storage: .dense(Tensor(shape: shape, values: values), elementType: elementType))
        return name
    }

    // MARK: Nodes

    private func append(
        _ operation: ModelGraph.Operation, _ inputs: [ValueID], rows: RowCount? = nil,
        columns: Int? = nil
    ) -> ValueID {
        graph.append(
            "n\(graph.nodes.count)", operation, inputs: inputs,
            rows: rows ?? graph[inputs[0]].rows, columnCount: columns ?? self.columns)
    }

    func embedding(_ terms: [EmbeddingTerm]? = nil) -> ValueID {
        let own = [
            EmbeddingTerm(table: parameter([Self.vocabularySize, columns]), index: .tokenIDs),
            EmbeddingTerm(
                table: parameter([Self.maximumTokens, columns]), index: .positions(offset: 0)),
        ]
        return append(.embedding(terms ?? own), [], rows: .tokens)
    }

    func linear(_ input: ValueID, outputs: Int? = nil) -> ValueID {
        let outputs = outputs ?? columns
        let inputs = graph[input].columnCount
        return append(
            .linear(
                Linear(
                    weight: parameter([outputs, inputs], scale: 0.5), bias: parameter([outputs]))),
            [input], columns: outputs)
    }

    func attention(
        _ query: ValueID, _ key: ValueID, _ value: ValueID, mask: Attention.Mask = .none
    ) -> ValueID {
        let heads = 4
        return append(
            .attention(
                Attention(
                    headCount: heads, keyValueHeadCount: heads, headSize: columns / heads,
                    valueSize: columns / heads, scale: 0.5, mask: mask)), [query, key, value])
    }

    func normalized(_ input: ValueID) -> ValueID {
        append(
            .layerNormalization(
                LayerNormalization(
                    gamma: parameter([columns], scale: 2), beta: parameter([columns]),
                    epsilon: 1e-6)), [input])
    }

    func activation(_ input: ValueID, _ function: Activation = .gelu) -> ValueID {
        append(.activation(function), [input], columns: graph[input].columnCount)
    }

    func sum(_ left: ValueID, _ right: ValueID) -> ValueID { append(.add, [left, right]) }

    func unit(_ input: ValueID) -> ValueID { append(.normalizeL2(epsilon: 1e-12), [input]) }

    func pooled(_ input: ValueID, _ pooling: Pooling) -> ValueID {
        append(.pool(pooling), [input], rows: .fixed(1), columns: graph[input].columnCount)
    }

    /// A layer of an encoder.
    func layer(_ input: ValueID) -> ValueID {
        let attended = attention(linear(input), linear(input), linear(input))
        let middle = normalized(sum(linear(attended), input))
        let inner = activation(linear(middle, outputs: 2 * columns))
        return normalized(sum(linear(inner, outputs: columns), middle))
    }
}
