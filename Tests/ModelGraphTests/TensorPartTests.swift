import Checkpoints
import ModelGraph
import Tensors
import Testing

/// Parameters that are part of a stored tensor.
@Suite struct TensorPartTests {
    private let bert: TinyBert

    init() throws {
        bert = try TinyBert()
        // 4 rows of 5: 0 1 2 3 4 / 10 11 … / 20 … / 30 …
        bert.tensors["matrix"] = Tensor(
            shape: [4, 5], values: (0..<20).map { Float($0 / 5 * 10 + $0 % 5) })
        bert.tensors["vector"] = Tensor(shape: [4], values: [7, 8, 9, 10])
    }

    private func part(
        rows: Range<Int>, columns: Range<Int>?, transposed: Bool = false
    ) -> TensorPart {
        TensorPart(
            tensor: columns == nil ? "vector" : "matrix", elementType: .float32, rows: rows,
            columns: columns, isTransposed: transposed)
    }

    private func parameter(_ part: TensorPart) -> Parameter {
        Parameter(shape: part.shape, storage: .checkpointPart(part))
    }

    @Test func rowsAndColumnsAreTaken() throws {
        let checkpoint = try bert.checkpoint()
        let parameter = parameter(part(rows: 1..<3, columns: 2..<5))
        #expect(
            try parameter.floats(in: checkpoint)
                == Tensor(shape: [2, 3], values: [12, 13, 14, 22, 23, 24]))
        #expect(
            try parameter.floats(in: checkpoint, rows: 1..<2)
                == Tensor(shape: [1, 3], values: [22, 23, 24]))
        #expect(parameter.checkpointByteCount == 24 && parameter.tensorName == "matrix")
        #expect(parameter.floatType == .float32)
    }

    @Test func rowsAndColumnsChangePlaces() throws {
        let checkpoint = try bert.checkpoint()
        let parameter = parameter(part(rows: 1..<3, columns: 2..<5, transposed: true))
        #expect(
            try parameter.floats(in: checkpoint)
                == Tensor(shape: [3, 2], values: [12, 22, 13, 23, 14, 24]))
        #expect(
            try parameter.floats(in: checkpoint, rows: 2..<3)
                == Tensor(shape: [1, 2], values: [14, 24]))
        #expect(try parameter.floats(in: checkpoint, rows: 1..<1).shape == [0, 2])
    }

    @Test func vectorsHaveElementsForRows() throws {
        let checkpoint = try bert.checkpoint()
        let parameter = parameter(part(rows: 1..<4, columns: nil))
        #expect(try parameter.floats(in: checkpoint) == Tensor(shape: [3], values: [8, 9, 10]))
        #expect(
            try parameter.floats(in: checkpoint, rows: 2..<3) == Tensor(shape: [1], values: [10]))
    }

    @Test func partsBeyondTheTensorAreErrors() throws {
        let checkpoint = try bert.checkpoint()
        for (rows, columns) in [(0..<5, 0..<5), (0..<4, 1..<6), (-1..<2, 0..<5)] {
            #expect(throws: ModelError.self) {
                try parameter(part(rows: rows, columns: columns)).floats(in: checkpoint)
            }
        }
        let whole = parameter(part(rows: 0..<4, columns: 0..<5, transposed: true))
        #expect(throws: ModelError.self) { try whole.floats(in: checkpoint, rows: 4..<6) }
    }

    @Test func aGraphNeedsPartsThatExist() throws {
        var model = try bert.model()
        let name = "encoder.layer.0.output.dense.weight"
        for (rows, isRight) in [(0..<8, true), (1..<9, false)] {
            let part = TensorPart(
                tensor: name, elementType: .float32, rows: rows, columns: 0..<12)
            model.parameters[name]?.storage = .checkpointPart(part)
            if isRight {
                try model.validate()
            } else {
                #expect(
                    throws: ModelError.graph(
                        node: "encoder.layer.0.output.dense",
                        .storageShape(name, expected: [8, 12], found: [-1, -1]))
                ) { try model.validate() }
            }
        }
    }

    @Test func rowsOfATableMayBePartOfATensor() throws {
        let whole = try bert.model()
        let table = "embeddings.word_embeddings.weight"
        let tensor = try #require(bert.tensors[table])
        let transposed = Tensor(
            shape: [8, 20], values: (0..<160).map { tensor.values[$0 % 20 * 8 + $0 / 20] })
        bert.tensors["transposed"] = transposed
        var model = try bert.model()
        model.parameters[table]?.storage = .checkpointPart(
            TensorPart(
                tensor: "transposed", elementType: .float32, rows: 0..<8, columns: 0..<20,
                isTransposed: true))
        let ids: [Int32] = [3, 19, 0, 7]
        #expect(
            try ReferenceExecutor(model: model, threadCount: 1).run(tokenIDs: ids)
                == ReferenceExecutor(model: whole, threadCount: 1).run(tokenIDs: ids))
    }
}
