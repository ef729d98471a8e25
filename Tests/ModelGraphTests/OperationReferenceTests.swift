import Checkpoints
import Foundation
import ModelGraph
import Tensors
import Testing

/// Single operations of decoders against numbers that numpy computed in float64.
@Suite struct OperationReferenceTests {
    private let bert: TinyBert
    private let cases: JSONValue

    init() throws {
        bert = try TinyBert()
        let path = DecoderFixture.folder + "/operations.json"
        let data = try #require(FileManager.default.contents(atPath: path))
        cases = try JSONValue(parsing: Array(data))
    }

    @Test func rotaryEmbeddingsTurnTheirPairs() throws {
        let samples = try #require(cases["rotary"]?.array)
        #expect(samples.count == 4)
        for sample in samples {
            let frequencies = try numbers(sample["frequencies"])
            let rotary = RotaryEmbedding(
                frequencies: "frequencies", headSize: try #require(sample["headSize"]?.integer),
                pairing: try #require(.init(rawValue: sample["pairing"]?.string ?? "")),
                scale: Float(try #require(sample["scale"]?.number)))
            let found = try run(
                .rotary(rotary), [try tensor(sample["input"])],
                parameters: ["frequencies": frequencies], lengths: [5, 3])
            try expectClose(found, try tensor(sample["output"]))
        }
    }

    @Test func normalizationsTakeEachGroupAlone() throws {
        let samples = try #require(cases["rms"]?.array)
        #expect(samples.count == 2)
        for sample in samples {
            let normalization = RMSNormalization(
                gamma: "gamma", epsilon: Float(try #require(sample["epsilon"]?.number)))
            let found = try run(
                .rmsNormalization(normalization), [try tensor(sample["input"])],
                parameters: ["gamma": try numbers(sample["gamma"])], lengths: [3])
            try expectClose(found, try tensor(sample["output"]))
        }
    }

    @Test func attentionHasWindowsSlopesAndCaps() throws {
        let samples = try #require(cases["attention"]?.array)
        #expect(samples.count == 6)
        for sample in samples {
            let slopes = sample["slopes"].flatMap { $0.isNull ? nil : $0 }
            let attention = Attention(
                headCount: try #require(sample["heads"]?.integer),
                keyValueHeadCount: try #require(sample["keyValueHeads"]?.integer),
                headSize: try #require(sample["headSize"]?.integer),
                valueSize: try #require(sample["valueSize"]?.integer),
                scale: Float(try #require(sample["scale"]?.number)), mask: .causal,
                window: sample["window"]?.integer, slopes: slopes.map { _ in "slopes" },
                scoreCap: sample["scoreCap"]?.number.map { Float($0) })
            let found = try run(
                .attention(attention),
                try ["query", "key", "value"].map { try tensor(sample[$0]) },
                parameters: slopes == nil ? [:] : ["slopes": try numbers(slopes)], lengths: [7])
            try expectClose(found, try tensor(sample["output"]))
        }
    }

    /// 1500 queries and keys are more than are computed at a time.
    @Test(arguments: [nil, 400, 3])
    func longSequencesAreComputedInBlocks(window: Int?) throws {
        let count = 1500
        let attention = Attention(
            headCount: 2, keyValueHeadCount: 1, headSize: 2, valueSize: 1, scale: 0.5,
            mask: .causal, window: window, slopes: "slopes")
        let query = wave([count, 4], 0.37)
        let key = wave([count, 2], 0.73)
        let value = wave([count, 1], 1.19)
        let found = try run(
            .attention(attention), [query, key, value], parameters: ["slopes": [0.01, 0.5]],
            lengths: [count])
        for place in [0, 1, 2, 698, 699, 700, 1397, 1398, 1499] {
            for head in 0..<2 {
                var (sum, total) = (0.0, 0.0)
                for other in max(0, place + 1 - (window ?? count))...place {
                    let score = (0..<2).reduce(0.0) {
                        $0 + 0.5 * Double(query.values[place * 4 + 2 * head + $1])
                            * Double(key.values[other * 2 + $1])
                    }
                    let weight = exp(score + [0.01, 0.5][head] * Double(other - place))
                    total += weight
                    sum += weight * Double(value.values[other])
                }
                let output = Double(found.values[place * 2 + head])
                #expect(abs(output - sum / total) < 1e-5, "query \(place), head \(head)")
            }
        }
    }

    @Test func elementsAreMultiplied() throws {
        let left = Tensor(shape: [2, 2], values: [1, -2, 0.5, 4])
        let right = Tensor(shape: [2, 2], values: [3, 0.25, -8, 0])
        #expect(
            try run(.multiply, [left, right], lengths: [2]).values == [3, -0.5, -4, 0])
        #expect(try run(.scale(-0.5), [left], lengths: [2]).values == [-0.5, 1, -0.25, -2])
    }

    @Test func theLastRowOfEachSequenceIsTaken() throws {
        let rows = Tensor(shape: [5, 2], values: (0..<10).map { Float($0) })
        let found = try run(.pool(.lastRow), [rows], lengths: [3, 1, 1])
        #expect(found.shape == [3, 2] && found.values == [4, 5, 6, 7, 8, 9])
    }

    // MARK: - Parts

    /// Numbers without a short period.
    private func wave(_ shape: [Int], _ step: Double) -> Tensor {
        let count = shape.reduce(1, *)
        return Tensor(shape: shape, values: (0..<count).map { Float(sin(Double($0) * step) * 2) })
    }

    /// Computes one operation for sequences of some lengths.
    private func run(
        _ operation: ModelGraph.Operation, _ inputs: [Tensor], parameters: [String: [Float]] = [:],
        lengths: [Int]
    ) throws -> Tensor {
        var graph = Graph()
        let ids = inputs.indices.map { index in
            graph.append(
                "input \(index)", .embedding([]), inputs: [], rows: .tokens,
                columnCount: inputs[index].columnCount)
        }
        graph.append("node", operation, inputs: ids, rows: .tokens, columnCount: 1)
        let checkpoint = try bert.checkpoint()
        let model = Model(
            family: "test", task: .raw, graph: graph,
            parameters: parameters.mapValues {
                Parameter(
                    shape: [$0.count], storage: .dense(Tensor(shape: [$0.count], values: $0)))
            },
            labels: [], maximumTokens: 4096, vocabularySize: 1, typeCount: 0,
            checkpoint: checkpoint)
        let sequences = lengths.map { TokenSequence(ids: [Int32](repeating: 0, count: $0)) }
        return try ReferenceExecutor(model: model, threadCount: 2).compute(
            try #require(graph.nodes.last), inputs, try SequenceBatch(sequences, for: model))
    }

    private func numbers(_ json: JSONValue?) throws -> [Float] {
        try #require(json?.array).map { Float(try #require($0.number)) }
    }

    private func tensor(_ json: JSONValue?) throws -> Tensor {
        let rows = try #require(json?.array).map { try numbers($0) }
        return Tensor(shape: [rows.count, rows[0].count], values: rows.flatMap { $0 })
    }

    private func expectClose(_ found: Tensor, _ expected: Tensor) throws {
        try #require(found.shape == expected.shape)
        let error = zip(found.values, expected.values).map { abs($0 - $1) }.max() ?? 0
        #expect(error < 3e-6, "largest error \(error)")
    }
}
