import ModelCompression
import ModelGraph
import Tensors
import Testing

@testable import Packaging

/// Terms of an embedding that add the same row to every token, and rows that no input asks for.
@Suite struct FoldedTermsTests {
    private let making: ModelInTheMaking
    private let tokens: EmbeddingTerm
    private let positions: EmbeddingTerm
    private let types: EmbeddingTerm

    init() throws {
        making = try ModelInTheMaking()
        tokens = EmbeddingTerm(table: making.parameter([30, 16]), index: .tokenIDs)
        positions = EmbeddingTerm(table: making.parameter([60, 16]), index: .positions(offset: 2))
        types = EmbeddingTerm(table: making.parameter([2, 16]), index: .typeIDs)
    }

    /// A model with one type that sums some terms.
    private func model(_ terms: [EmbeddingTerm]) throws -> Model {
        making.graph = Graph()
        let state = making.normalized(making.embedding(terms))
        var model = try making.model([.hiddenState: state])
        model.typeCount = 1
        return model
    }

    /// The terms that are left of a model.
    private func terms(_ model: Model) throws -> [EmbeddingTerm] {
        var model = model
        _ = try FoldedTerms(&model)
        guard case .embedding(let terms)? = model.graph.nodes.first?.operation else { return [] }
        return terms
    }

    @Test func aConstantAmongTheFirstTwoIsFolded() throws {
        #expect(try terms(model([tokens, types, positions])) == [tokens, positions])
        #expect(try terms(model([types, tokens, positions])) == [tokens, positions])
        #expect(try terms(model([positions, types, tokens])) == [positions, tokens])
        #expect(try terms(model([tokens, types])) == [tokens])
    }

    /// (token + position) + type is rounded twice; no table holds a part of it.
    @Test func aLaterConstantStays() throws {
        #expect(
            try terms(model([tokens, positions, types])) == [tokens, positions, types])
    }

    @Test func aTermOfSeveralRowsStays() throws {
        var model = try model([tokens, types, positions])
        model.typeCount = 2
        #expect(try terms(model) == [tokens, types, positions])
    }

    @Test func aTableThatCannotHoldTheSumStays() throws {
        let halves = EmbeddingTerm(
            table: making.parameter([30, 16], as: .float16), index: .tokenIDs)
        #expect(try terms(model([halves, types])) == [halves, types])
        // The constant of float32 takes the row of halves.
        let type = EmbeddingTerm(table: making.parameter([2, 16], as: .float16), index: .typeIDs)
        #expect(try terms(model([type, tokens])) == [tokens])
        var codes = try model([tokens, types])
        codes.parameters[tokens.table]?.storage = .quantizedRows(
            QuantizedRows(
                rowCount: 30, columnCount: 16, codes: [Int8](repeating: 1, count: 480),
                scales: [Float](repeating: 1, count: 30)))
        #expect(try terms(codes) == [tokens, types])
    }

    @Test func aTableThatSomethingElseReadsStays() throws {
        let state = making.embedding([tokens, types])
        let other = making.embedding([tokens, positions])
        var model = try making.model([.hiddenState: making.sum(state, other)])
        model.typeCount = 1
        #expect(try terms(model) == [tokens, types])
    }

    @Test func theSumsAreThoseOfTheTerms() throws {
        var model = try model([types, tokens, positions])
        let folded = try FoldedTerms(&model)
        func values(_ name: String) throws -> [Float] {
            try #require(model.parameters[name]).floats(in: model.checkpoint).values
        }
        let type = try values(types.table)[..<16]
        let table = try values(tokens.table)
        var sums = table
        folded.add(to: &sums, of: tokens.table)
        #expect(sums == table.enumerated().map { $0.element + type[$0.offset % 16] })
        #expect(sums != table)
        var others = try values(positions.table)
        folded.add(to: &others, of: positions.table)
        #expect(try others == values(positions.table))
    }

    @Test func constantsAddUp() throws {
        let second = EmbeddingTerm(table: making.parameter([2, 16]), index: .typeIDs)
        var model = try model([types, second, tokens])
        let row = try [types, second].map { term in
            Array(
                try #require(model.parameters[term.table]).floats(in: model.checkpoint)
                    .values[..<16])
        }
        let folded = try FoldedTerms(&model)
        #expect(try terms(model) == [tokens])
        var sums = [Float](repeating: 0.1, count: 16)
        folded.add(to: &sums, of: tokens.table)
        #expect(sums == (0..<16).map { 0.1 + (row[0][$0] + row[1][$0]) })
    }

    @Test func rowsThatNoInputAsksForAreCut() throws {
        var model = try model([tokens, types, positions])
        model.maximumTokens = 7
        model.vocabularySize = 25
        #expect(
            [tokens, types, positions].map { model.rowCountRead(of: $0.table) } == [25, 1, 9])
        let lowered = try LoweredModel(
            try Recipe.float.apply(to: model), tokenizer: nil)
        let rows = Dictionary(
            uniqueKeysWithValues: lowered.tensors.map { ($0.name, $0.rowCount) })
        #expect(rows[tokens.table] == 25 && rows[positions.table] == 9)
        // Folded into the tokens.
        #expect(rows[types.table] == nil)
    }

    @Test func aTableThatIsAlsoAWeightKeepsItsRows() throws {
        var state = making.embedding([tokens])
        state = making.graph.append(
            "tied", .linear(Linear(weight: tokens.table, bias: nil)), inputs: [state],
            rows: .tokens, columnCount: 30)
        var model = try making.model([.logits: state])
        model.vocabularySize = 20
        #expect(model.rowCountRead(of: tokens.table) == 30)
    }
}
