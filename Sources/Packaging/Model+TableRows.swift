import ModelGraph

extension Model {
    /// The rows of its table that a term can ask for, whatever the input.
    func rowsRead(by index: EmbeddingIndex) -> Range<Int> {
        switch index {
        case .tokenIDs: 0..<max(1, keptTokens?.count ?? vocabularySize)
        // A model without types still takes the type 0.
        case .typeIDs: 0..<max(1, typeCount)
        case .positions(let offset): offset..<offset + max(1, maximumTokens)
        }
    }

    /// How many rows of a parameter are read, counted from the first: of a table that nothing else
    /// reads, those that an input can ask for; else all.
    func rowCountRead(of name: String) -> Int {
        let rowCount = parameters[name]?.shape.first ?? 1
        guard graph.isTable(name) else { return rowCount }
        var last = 0
        for node in graph.nodes {
            guard case .embedding(let terms) = node.operation else { continue }
            for term in terms where term.table == name {
                last = max(last, rowsRead(by: term.index).upperBound)
            }
        }
        return min(rowCount, last)
    }
}
