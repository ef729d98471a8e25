import Checkpoints
import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct ActivationStreamTests {
    private func stream(_ sequences: [TokenSequence], _ model: Model) throws -> ActivationStream {
        try ActivationStream(sequences, model: model, threadCount: 1, simulatesCodes: false)
    }

    /// The rows that one sequence alone gives at every node.
    private func alone(
        _ sequence: TokenSequence, _ model: Model
    ) throws -> [ValueID: Tensor] {
        var values: [ValueID: Tensor] = [:]
        _ = try ReferenceExecutor(model: model, threadCount: 1).run(
            tokenIDs: sequence.ids
        ) { node, _, output in values[node.output] = output }
        return values
    }

    private func models() throws -> [(Model, [TokenSequence])] {
        [
            (
                try Model(checkpoint: Checkpoint(path: TinyFixture.classifier)),
                TinyFixture.calibration(7).sequences
            ),
            (try UnitModel(task: .embed, layers: 2).model(), UnitModel.calibration(7).sequences),
        ]
    }

    @Test func valuesAreThoseOfEverySequenceAlone() throws {
        for (model, sequences) in try models() {
            let expected = try sequences.map { try alone($0, model) }
            var stream = try stream(sequences, model)
            for (position, node) in model.graph.nodes.enumerated() {
                #expect(stream.position == position)
                let output = try stream.advance(model)
                if let kept = stream[node.output] { #expect(kept == output) }
                #expect(output.rowCount == stream.rows(of: 0..<7, node.output, in: model).count)
                for place in sequences.indices {
                    let rows = stream.rows(of: place..<place + 1, node.output, in: model)
                    #expect(
                        difference(output.selectingRows(rows), expected[place][node.output])
                            < 1e-4, "\(node.name)")
                }
            }
        }
    }

    @Test func onlyWhatIsStillReadIsKept() throws {
        for (model, sequences) in try models() {
            var stream = try stream(sequences, model)
            let nodes = model.graph.nodes
            for position in nodes.indices {
                try stream.advance(model)
                let later = nodes[(position + 1)...].flatMap(\.inputs)
                let read = Set(later).union(model.graph.outputs.values)
                for node in nodes[...position] {
                    #expect((stream[node.output] != nil) == read.contains(node.output))
                }
                for node in nodes[(position + 1)...] { #expect(stream[node.output] == nil) }
            }
        }
    }

    @Test func rowsOfSequencesLieOneAfterTheOther() throws {
        let model = try UnitModel(task: .embed).model()
        let lengths = [2, 5, 1]
        let stream = try stream(
            lengths.map { TokenSequence(ids: (0..<$0).map { Int32($0) }) }, model)
        let (state, pooled) = (
            try model.node("0.norm").output, try model.node("pool").output
        )
        #expect(stream.rows(of: 0..<1, state, in: model) == 0..<2)
        #expect(stream.rows(of: 1..<3, state, in: model) == 2..<8)
        #expect(stream.rows(of: 0..<3, state, in: model) == 0..<8)
        #expect(stream.rows(of: 1..<3, pooled, in: model) == 1..<3)
        #expect(stream.rows(of: 1..<1, state, in: model).isEmpty)
    }

    @Test func theModelCountsThatIsThereWhenANodeIsComputed() throws {
        let model = try UnitModel().model()
        let sequences = UnitModel.calibration(6).sequences
        var other = model
        other.set("0.outer.weight", SmallModel.random([8, 16], seed: 77))
        var stream = try stream(sequences, model)
        let index = try #require(model.graph.nodes.firstIndex { $0.name == "0.outer" })
        while stream.position < index { try stream.advance(model) }
        let before = stream
        let found = try stream.finished(other, try #require(model.graph.outputs[.hiddenState]))
        #expect(difference(found, try other.answer(sequences)) < 1e-5)
        // The stream stays where it is.
        #expect(stream.position == before.position)
        let same = try stream.finished(model, try #require(model.graph.outputs[.hiddenState]))
        #expect(difference(same, try model.answer(sequences)) < 1e-5)
    }

    /// Of the classifier only the first rows are read behind the last attention; wherever the stream
    /// stands by then, the answer is that of all rows.
    @Test func theAnswerIsThatOfAllRows() throws {
        for (model, sequences) in try models() {
            let role = try #require(OutputDistance.role(of: model))
            let answer = try #require(model.graph.outputs[role])
            let batch = try SequenceBatch(sequences, for: model)
            let expected = try ReferenceExecutor(model: model, threadCount: 1).run(batch)[role]
            var stream = try stream(sequences, model)
            for node in model.graph.nodes {
                let found = try stream.finished(model, answer)
                #expect(found.shape == expected?.shape)
                #expect(difference(found, expected) < 1e-6, "before \(node.name)")
                try stream.advance(model)
            }
            let last = try stream.finished(model, answer)
            #expect(difference(last, expected) == 0)
        }
    }

    /// Two products in the place of one, and one more that reads what would have been released.
    @Test func nodesThatAreInsertedAreFollowed() throws {
        let model = try UnitModel().model()
        let sequences = UnitModel.calibration(6).sequences
        let index = try #require(model.graph.nodes.firstIndex { $0.name == "0.outer" })
        var stream = try stream(sequences, model)
        while stream.position < index { try stream.advance(model) }
        var longer = model
        let input = longer.graph.nodes[index].inputs[0]
        var nodes: [Node] = []
        func insert(_ name: String, reading value: ValueID, _ columns: Int) -> ValueID {
            longer.set(name, SmallModel.random([columns, 16], seed: 9))
            let output = ValueID(longer.graph.values.count)
            longer.graph.values.append(Value(name: name, rows: .tokens, columnCount: columns))
            nodes.append(
                Node(
                    name: name, operation: .linear(Linear(weight: name, bias: nil)),
                    inputs: [value], output: output))
            return output
        }
        let first = insert("first", reading: input, 16)
        let second = insert("second", reading: input, 16)
        let sum = ValueID(longer.graph.values.count)
        longer.graph.values.append(Value(name: "both", rows: .tokens, columnCount: 16))
        nodes.append(Node(name: "both", operation: .add, inputs: [first, second], output: sum))
        longer.graph.nodes[index].inputs = [sum]
        longer.graph.nodes.insert(contentsOf: nodes, at: index)
        try longer.validate()
        stream.follow(longer.graph)
        try stream.advance(longer)
        #expect(stream[input] != nil && stream[first] != nil)
        try stream.advance(longer)
        #expect(stream[input] == nil && stream[first] != nil && stream[second] != nil)
        try stream.advance(longer)
        #expect(stream[first] == nil && stream[second] == nil && stream[sum] != nil)
        let answer = try #require(longer.graph.outputs[.hiddenState])
        #expect(
            difference(try stream.finished(longer, answer), try longer.answer(sequences)) < 1e-5)
    }

    @Test func columnsAreSelectedAndSet() throws {
        let model = try UnitModel().model()
        var stream = try stream(UnitModel.calibration(3).sequences, model)
        let embedded = try model.node("embeddings").output
        let absent = try model.node("0.outer").output
        let whole = try stream.advance(model)
        stream.setColumns([1, 6], of: embedded, to: [9, 2.5, 9, 9, 9, 9, -4, 9])
        let changed = try #require(stream[embedded])
        for row in 0..<whole.rowCount {
            for column in 0..<8 {
                let expected: Float =
                    column == 1 ? 2.5 : column == 6 ? -4 : whole.values[row * 8 + column]
                #expect(changed.values[row * 8 + column] == expected)
            }
        }
        stream.selectColumns([6, 0, 1], of: embedded)
        let selected = try #require(stream[embedded])
        #expect(selected.shape == [whole.rowCount, 3])
        for row in 0..<whole.rowCount {
            #expect(
                Array(selected.values[row * 3..<row * 3 + 3])
                    == [-4, whole.values[row * 8], 2.5])
        }
        stream.selectColumns([], of: embedded)
        #expect(stream[embedded]?.shape == [whole.rowCount, 0])
        // What is not there stays so.
        stream.selectColumns([0], of: absent)
        stream.setColumns([0], of: absent, to: [1])
        #expect(stream[absent] == nil)
    }

    @Test func sequencesThatDoNotSuitTheModelAreRefused() throws {
        let model = try UnitModel().model()
        #expect(throws: ModelError.noTokens) { try stream([TokenSequence(ids: [])], model) }
        #expect(throws: ModelError.tooManyTokens(count: 13, maximum: 12)) {
            try stream([TokenSequence(ids: [Int32](repeating: 0, count: 13))], model)
        }
        #expect(
            throws: ModelError.tokenOutOfRange(position: 1, id: 20, vocabularySize: 20)
        ) { try stream([TokenSequence(ids: [0, 20])], model) }
    }
}
