import ModelGraph
import Tensors
import Testing

@testable import ModelCompression

@Suite struct TrimVocabularyTests {
    private let small: SmallModel
    private let tokens = SmallModel.random([12, 6], seed: 5)
    private let corpus = CalibrationSet([
        TokenSequence(ids: [2, 5, 5, 7]), TokenSequence(ids: [7, 7, 9]),
        TokenSequence(ids: [5, 2]), TokenSequence(ids: [11]),
    ])
    private let vocabulary = VocabularyFacts(unknown: 1, required: [0, 1]) { text in
        ["three": 3, "five": 5][text]
    }

    init() throws {
        small = try SmallModel(weight: SmallModel.random([7, 6], seed: 2))
    }

    private func apply(
        _ options: String = "", to model: Model? = nil, calibration: CalibrationSet? = nil,
        vocabulary: VocabularyFacts? = nil
    ) throws -> (model: Model, record: PassRecord) {
        let compressed = try Recipe(
            parsing: Array(#"{"passes":[{"pass":"trim-vocabulary"\#(options)}]}"#.utf8),
            name: "test"
        ).apply(
            to: model ?? small.model, calibration: calibration,
            vocabulary: vocabulary ?? self.vocabulary)
        return (compressed.model, compressed.records[0])
    }

    private func expectKept(
        _ ids: [Int32], _ model: Model, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try model.validate()
        #expect(model.keptTokens?.ids == ids, sourceLocation: sourceLocation)
        #expect(model.vocabularySize == 12, sourceLocation: sourceLocation)
        let table = try #require(model.parameters["tokens"])
        #expect(
            try table.floats(in: model.checkpoint)
                == tokens.selectingRows(ids.map { Int($0) }), sourceLocation: sourceLocation)
    }

    @Test func theTokensOfTheCorpusAndThoseThatAreNeededStay() throws {
        let (model, record) = try apply(calibration: corpus)
        try expectKept([0, 1, 2, 5, 7, 9, 11], model)
        #expect(record.changes.map(\.name) == ["tokens"])
        #expect(record.changes[0].bytesBefore == 12 * 6 * 4)
        #expect(record.changes[0].bytesAfter == 7 * 6 * 4)
        #expect(record.notes == ["5 of 12 tokens left out, 120 bytes of token tables"])
        // Answers to kept tokens keep their bits, the others are the unknown one.
        let original = ReferenceExecutor(model: small.model, threadCount: 1)
        let trimmed = ReferenceExecutor(model: model, threadCount: 1)
        #expect(
            try trimmed.run(tokenIDs: [2, 5, 11, 0]) == original.run(tokenIDs: [2, 5, 11, 0]))
        #expect(
            try trimmed.run(tokenIDs: [2, 3, 10, 0]) == original.run(tokenIDs: [2, 1, 1, 0]))
    }

    @Test func rareTokensGo() throws {
        let (model, record) = try apply(#","minimum_count":2"#, calibration: corpus)
        try expectKept([0, 1, 2, 5, 7], model)
        #expect(
            record.notes == [
                "7 of 12 tokens left out, 168 bytes of token tables",
                "20.00 % of the tokens of the calibration data are unknown now",
            ])
    }

    @Test func aListOfTokensStays() throws {
        let (model, record) = try apply(#","keep":["three","five","six"]"#)
        try expectKept([0, 1, 3, 5], model)
        #expect(
            record.notes == [
                "'six' is no token", "8 of 12 tokens left out, 192 bytes of token tables",
            ])
    }

    @Test func aTrimmedModelIsTrimmedFurther() throws {
        let (once, _) = try apply(calibration: corpus)
        let (twice, record) = try apply(
            #","minimum_count":2"#, to: once, calibration: corpus)
        try expectKept([0, 1, 2, 5, 7], twice)
        #expect(record.notes[0] == "2 of 7 tokens left out, 48 bytes of token tables")
        let (thrice, last) = try apply(
            #","minimum_count":2"#, to: twice, calibration: corpus)
        #expect(last.changedNothing && last.notes == ["all 5 tokens are kept"])
        #expect(thrice.keptTokens == twice.keptTokens)
    }

    @Test func codesAreTrimmed() throws {
        let model = try Recipe.int8.apply(to: small.model).model
        let (trimmed, _) = try apply(to: model, calibration: corpus)
        guard case .quantizedRows(let before)? = model.parameters["tokens"]?.storage,
            case .quantizedRows(let after)? = trimmed.parameters["tokens"]?.storage
        else {
            Issue.record("the table has no codes")
            return
        }
        try trimmed.validate()
        let kept = [0, 1, 2, 5, 7, 9, 11]
        #expect(after.scales == kept.map { before.scales[$0] })
        #expect(after.dequantized == before.dequantized.selectingRows(kept))
    }

    @Test func passesBehindItWork() throws {
        let recipe = try Recipe(
            parsing: Array(
                #"{"passes":[{"pass":"trim-vocabulary"},{"pass":"factorize","products":[],"table_rank":2,"margin":1},{"pass":"quantize"}]}"#
                    .utf8), name: "test")
        for calibration in [corpus, nil] {
            let keep = calibration == nil ? CalibrationSet([TokenSequence(ids: [3])]) : corpus
            let compressed = try recipe.apply(
                to: small.model, calibration: keep, vocabulary: vocabulary)
            try compressed.model.validate()
            #expect(compressed.model.keptTokens != nil)
            _ = try ReferenceExecutor(model: compressed.model, threadCount: 1)
                .run(tokenIDs: [0, 3, 10])
        }
        // Without data, random tokens are such that have a row.
        let (trimmed, _) = try apply(calibration: corpus)
        let synthetic = CalibrationSet.synthetic(for: trimmed)
        let ids = Set(synthetic.sequences.flatMap(\.ids))
        #expect(ids == [0, 1, 2, 5, 7, 9, 11])
    }

    @Test func whatCannotBeTrimmedSaysSo() throws {
        func expectUnchanged(_ model: Model, _ record: PassRecord, _ word: String) {
            #expect(record.changedNothing && model.keptTokens == nil)
            #expect(record.notes.count == 1 && record.notes[0].contains(word), "\(record.notes)")
        }
        var (model, record) = try apply()
        expectUnchanged(model, record, "neither calibration data nor")
        (model, record) = try apply(calibration: .synthetic(for: small.model))
        expectUnchanged(model, record, "neither calibration data nor")
        let facts = VocabularyFacts(unknown: 40, required: []) { _ in nil }
        (model, record) = try apply(calibration: corpus, vocabulary: facts)
        expectUnchanged(model, record, "40")
        var shared = small.model
        shared.graph.append(
            "head", .linear(Linear(weight: "tokens", bias: nil)), inputs: [ValueID(2)],
            rows: .tokens, columnCount: 12)
        try shared.validate()
        (model, record) = try apply(to: shared, calibration: corpus)
        expectUnchanged(model, record, "more than lookups")
        var plain = small.model
        let context = PassContext(original: plain, calibration: corpus, threadCount: 1)
        record = try TrimVocabulary().apply(to: &plain, context: context)
        expectUnchanged(plain, record, "no tokenizer")
    }
}
