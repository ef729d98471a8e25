/// Sequences of tokens that run together, their rows one after the other, checked against a model.
package struct SequenceBatch: Sendable {
    /// Of all sequences, one after the other.
    let tokenIDs: [Int32]
    let typeIDs: [Int32]
    private let keptTokens: KeptTokens?
    /// First row of each sequence, then the number of all rows.
    package let offsets: [Int]

    /// - Throws: If an id is out of range, or if a sequence has no tokens, too many, or not as many
    ///   as types.
    package init(_ sequences: [TokenSequence], for model: Model) throws(ModelError) {
        var tokenIDs: [Int32] = []
        var typeIDs: [Int32] = []
        var offsets = [0]
        for sequence in sequences {
            try Self.check(sequence, for: model)
            tokenIDs += sequence.ids
            typeIDs +=
                sequence.typeIDs.isEmpty
                ? [Int32](repeating: 0, count: sequence.ids.count) : sequence.typeIDs
            offsets.append(tokenIDs.count)
        }
        self.tokenIDs = tokenIDs
        self.typeIDs = typeIDs
        keptTokens = model.keptTokens
        self.offsets = offsets
    }

    private static func check(_ sequence: TokenSequence, for model: Model) throws(ModelError) {
        let (ids, types) = (sequence.ids, sequence.typeIDs)
        guard !ids.isEmpty else { throw .noTokens }
        guard ids.count <= model.maximumTokens else {
            throw .tooManyTokens(count: ids.count, maximum: model.maximumTokens)
        }
        guard types.isEmpty || types.count == ids.count else {
            throw .typeCountMismatch(tokens: ids.count, types: types.count)
        }
        for (position, id) in ids.enumerated() where id < 0 || Int(id) >= model.vocabularySize {
            throw .tokenOutOfRange(
                position: position, id: id, vocabularySize: model.vocabularySize)
        }
        // A model without types still takes the type 0 that tokenizers give.
        let typeCount = max(1, model.typeCount)
        for (position, id) in types.enumerated() where id < 0 || Int(id) >= typeCount {
            throw .typeOutOfRange(position: position, id: id, typeCount: typeCount)
        }
    }

    package var count: Int { offsets.count - 1 }
    package var tokenCount: Int { tokenIDs.count }

    /// The first row of each sequence, in a value with a row for each token.
    package var firstRows: [Int] { Array(offsets.dropLast()) }

    /// The rows of a value that belong to a sequence.
    package func rows(of sequence: Int, _ rows: RowCount) -> Range<Int> {
        switch rows {
        case .tokens: offsets[sequence]..<offsets[sequence + 1]
        case .fixed(let count): sequence * count..<(sequence + 1) * count
        }
    }

    /// The rows of a table for all tokens.
    func tableRows(_ index: EmbeddingIndex) -> [Int] {
        switch index {
        case .tokenIDs: tokenIDs.map { keptTokens?.row(of: $0) ?? Int($0) }
        case .typeIDs: typeIDs.map { Int($0) }
        case .positions(let offset):
            (0..<count).flatMap { sequence in
                (0..<offsets[sequence + 1] - offsets[sequence]).map { $0 + offset }
            }
        }
    }
}
