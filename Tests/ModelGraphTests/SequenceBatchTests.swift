import ModelGraph
import Tensors
import Testing

@Suite struct SequenceBatchTests {
    let bert: TinyBert
    let model: Model

    init() throws {
        bert = try TinyBert()
        model = try bert.model()
    }

    @Test func sequencesLieOneAfterTheOther() throws {
        let batch = try SequenceBatch(
            [
                TokenSequence(ids: [3]), TokenSequence(ids: [4, 5, 6], typeIDs: [0, 1, 1]),
                TokenSequence(ids: [7, 8]),
            ], for: model)
        #expect(batch.count == 3 && batch.tokenCount == 6)
        #expect(batch.offsets == [0, 1, 4, 6])
        #expect((0..<3).map { batch.rows(of: $0, .tokens) } == [0..<1, 1..<4, 4..<6])
        #expect((0..<3).map { batch.rows(of: $0, .fixed(1)) } == [0..<1, 1..<2, 2..<3])
        #expect(batch.rows(of: 2, .fixed(3)) == 6..<9)
    }

    @Test func aBatchMayBeEmpty() throws {
        let batch = try SequenceBatch([], for: model)
        #expect(batch.count == 0 && batch.tokenCount == 0 && batch.offsets == [0])
        let outputs = try ReferenceExecutor(model: model, threadCount: 1).run(batch)
        #expect(outputs[.hiddenState]?.shape == [0, TinyBert.columns])
        #expect(outputs[.pooled]?.shape == [0, TinyBert.columns])
    }

    @Test(
        "A sequence that the model does not take is refused wherever it stands",
        arguments: [
            (TokenSequence(ids: []), .noTokens),
            (
                TokenSequence(ids: [Int32](repeating: 1, count: 11)),
                .tooManyTokens(count: 11, maximum: 10)
            ),
            (
                TokenSequence(ids: [0, 20]),
                .tokenOutOfRange(position: 1, id: 20, vocabularySize: 20)
            ),
            (
                TokenSequence(ids: [-1]),
                .tokenOutOfRange(position: 0, id: -1, vocabularySize: 20)
            ),
            (
                TokenSequence(ids: [1, 1], typeIDs: [0, 2]),
                .typeOutOfRange(position: 1, id: 2, typeCount: 2)
            ),
            (
                TokenSequence(ids: [1, 1], typeIDs: [0]), .typeCountMismatch(tokens: 2, types: 1)
            ),
        ] as [(TokenSequence, ModelError)])
    func sequencesAreChecked(sequence: TokenSequence, error: ModelError) {
        let good = TokenSequence(ids: [1, 2])
        for sequences in [[sequence], [good, sequence], [sequence, good]] {
            #expect(throws: error) { try SequenceBatch(sequences, for: model) }
        }
    }
}
