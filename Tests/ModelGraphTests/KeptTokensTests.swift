import ModelGraph
import Tensors
import Testing

@Suite struct KeptTokensTests {
    let bert: TinyBert
    let model: Model

    init() throws {
        bert = try TinyBert()
        model = try bert.model()
    }

    private static let table = "embeddings.word_embeddings.weight"

    /// The model with rows for some tokens only.
    private func trimmed(_ ids: [Int32], unknown: Int32) throws -> Model {
        var model = model
        let kept = KeptTokens(ids, unknown: unknown, vocabularySize: model.vocabularySize)
        #expect(kept != nil)
        model.keptTokens = kept
        let parameter = try #require(model.parameters[Self.table])
        let table = try parameter.floats(in: model.checkpoint)
        let rows = table.selectingRows(ids.map { Int($0) })
        model.parameters[Self.table] = Parameter(shape: rows.shape, storage: .dense(rows))
        return model
    }

    @Test func tokensAreAscendingAndHaveTheUnknownOne() {
        func kept(_ ids: [Int32], _ unknown: Int32 = 1) -> KeptTokens? {
            KeptTokens(ids, unknown: unknown, vocabularySize: 6)
        }
        for ids in [[], [0, 2], [2, 1], [1, 1], [-1, 1], [1, 6]] as [[Int32]] {
            #expect(kept(ids) == nil)
        }
        let some = kept([0, 1, 3, 5], 3)
        #expect(some?.unknownRow == 2 && some?.count == 4 && some?.vocabularySize == 6)
        #expect((0..<6).map { some?.row(of: $0) } == [0, 1, 2, 2, 2, 3])
    }

    @Test func leftOutTokensReadTheUnknownOne() throws {
        let kept = (0..<Int32(model.vocabularySize)).filter { $0 % 3 != 2 }
        let trimmed = try trimmed(kept, unknown: 4)
        try trimmed.validate()
        let ids: [Int32] = [0, 1, 2, 3, 5, 8, 9, 11]
        let found = try ReferenceExecutor(model: trimmed, threadCount: 1).run(tokenIDs: ids)
        let expected = try ReferenceExecutor(model: model, threadCount: 1).run(
            tokenIDs: ids.map { $0 % 3 == 2 ? 4 : $0 })
        #expect(found == expected)
        #expect(
            throws: ModelError.tokenOutOfRange(
                position: 0, id: Int32(model.vocabularySize), vocabularySize: model.vocabularySize)
        ) {
            try ReferenceExecutor(model: trimmed, threadCount: 1)
                .run(tokenIDs: [Int32(model.vocabularySize)])
        }
    }

    @Test func tablesNeedARowForEachKeptToken() throws {
        var changed = try trimmed([0, 1, 5], unknown: 1)
        changed.keptTokens = KeptTokens(
            [0, 1, 2, 5], unknown: 1, vocabularySize: model.vocabularySize)
        #expect(
            throws: ModelError.graph(
                node: "embeddings", .tableTooSmall(Self.table, needed: 4, found: 3))
        ) { try changed.validate() }
        changed = try trimmed([0, 1, 5], unknown: 1)
        changed.keptTokens = KeptTokens([0, 1, 5], unknown: 1, vocabularySize: 6)
        #expect(
            throws: ModelError.graph(
                node: "embeddings", .keptTokens(expected: model.vocabularySize, found: 6))
        ) { try changed.validate() }
    }
}
