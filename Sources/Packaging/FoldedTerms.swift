import ModelGraph
import Tensors

/// Rows that are added to all rows of embedding tables when these are written, instead of to every
/// token when the model runs.
///
/// A term whose index has one value only, as the token type of a model with a single type, adds the
/// same row to every token. It is folded into the term beside it where that changes no bit:
///
/// - It is one of the first two terms. The sum of these two is rounded before the third is added, so
///   that sum, and no later one, can be stored; and a sum of two does not depend on their order.
/// - The table that takes the row is stored in float32, which holds every such sum. Codes and
///   halves do not.
/// - Nothing else reads that table.
///
/// No other node of a graph is constant: all begin with an embedding, which depends on the tokens or
/// on their positions.
struct FoldedTerms {
    /// For each table the rows that are added to each of its own, in this order.
    private var addends: [String: [[Float]]] = [:]

    /// Folds what can be folded, and removes it from the graph of the model.
    init(_ model: inout Model) throws(ModelError) {
        for position in model.graph.nodes.indices {
            guard case .embedding(var terms) = model.graph.nodes[position].operation else {
                continue
            }
            while let (constant, other) = pair(terms, in: model) {
                addends[terms[other].table, default: []].append(
                    try row(of: terms[constant], in: model))
                terms.remove(at: constant)
                model.graph.nodes[position].operation = .embedding(terms)
            }
        }
    }

    /// Adds to some rows of a table what was folded into it.
    func add(to values: inout [Float], of table: String) {
        for addend in addends[table] ?? [] {
            for index in values.indices { values[index] += addend[index % addend.count] }
        }
    }

    /// The places of a constant term and of the one that it can be folded into.
    private func pair(
        _ terms: [EmbeddingTerm], in model: Model
    ) -> (constant: Int, other: Int)? {
        guard terms.count >= 2 else { return nil }
        return [(1, 0), (0, 1)].first { constant, other in
            let table = terms[other].table
            return model.rowsRead(by: terms[constant].index).count == 1
                && model.parameters[table]?.storedElementType == .float32
                && model.graph.nodes.reduce(0) { count, node in
                    count + node.operation.parameterNames.count { $0 == table }
                } == 1
        }
    }

    private func row(of term: EmbeddingTerm, in model: Model) throws(ModelError) -> [Float] {
        guard let parameter = model.parameters[term.table] else { return [] }
        let first = model.rowsRead(by: term.index).lowerBound
        var row = try parameter.floats(in: model.checkpoint, rows: first..<first + 1).values
        add(to: &row, of: term.table)
        return row
    }
}
