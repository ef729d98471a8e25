/// The token ids of one input, checked against a model.
struct TokenInput {
    let tokenIDs: [Int32]
    let typeIDs: [Int32]

    /// - Throws: If an id is out of range, or if there are no tokens, too many, or not as many as
    ///   types.
    init(tokenIDs: [Int32], typeIDs: [Int32]?, for model: Model) throws(ModelError) {
        guard !tokenIDs.isEmpty else { throw .noTokens }
        guard tokenIDs.count <= model.maximumTokens else {
            throw .tooManyTokens(count: tokenIDs.count, maximum: model.maximumTokens)
        }
        let typeIDs = typeIDs ?? [Int32](repeating: 0, count: tokenIDs.count)
        guard typeIDs.count == tokenIDs.count else {
            throw .typeCountMismatch(tokens: tokenIDs.count, types: typeIDs.count)
        }
        for (position, id) in tokenIDs.enumerated()
        where id < 0 || Int(id) >= model.vocabularySize {
            throw .tokenOutOfRange(
                position: position, id: id, vocabularySize: model.vocabularySize)
        }
        // A model without types still takes the type 0 that tokenizers give.
        let typeCount = max(1, model.typeCount)
        for (position, id) in typeIDs.enumerated() where id < 0 || Int(id) >= typeCount {
            throw .typeOutOfRange(position: position, id: id, typeCount: typeCount)
        }
        self.tokenIDs = tokenIDs
        self.typeIDs = typeIDs
    }

    /// The rows of a table for all tokens.
    func rows(_ index: EmbeddingIndex) -> [Int] {
        switch index {
        case .tokenIDs: tokenIDs.map { Int($0) }
        case .typeIDs: typeIDs.map { Int($0) }
        case .positions(let offset): tokenIDs.indices.map { $0 + offset }
        }
    }
}
