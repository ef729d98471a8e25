/// The tokens that have a row in the token tables of a trimmed model.
///
/// Token ids keep their meaning: any id of the whole vocabulary is a valid input, and those that were
/// left out read the row of the unknown token.
package struct KeptTokens: Hashable, Sendable {
    /// Ascending; row r of a token table belongs to `ids[r]`.
    package let ids: [Int32]
    /// The row of the tokens that were left out.
    package let unknownRow: Int
    private let rows: [Int32]

    /// - Parameters:
    ///   - ids: Tokens below `vocabularySize`, ascending.
    ///   - unknown: One of them.
    ///   - vocabularySize: Of the whole vocabulary.
    /// - Returns: nil if the tokens are not as described.
    package init?(_ ids: [Int32], unknown: Int32, vocabularySize: Int) {
        guard let row = ids.firstIndex(of: unknown), ids[0] >= 0,
            Int(ids[ids.count - 1]) < vocabularySize, zip(ids, ids.dropFirst()).allSatisfy(<)
        else { return nil }
        self.ids = ids
        unknownRow = row
        var rows = [Int32](repeating: Int32(row), count: vocabularySize)
        for (row, id) in ids.enumerated() { rows[Int(id)] = Int32(row) }
        self.rows = rows
    }

    package var count: Int { ids.count }

    /// Number of tokens of the whole vocabulary.
    package var vocabularySize: Int { rows.count }

    /// The row that a token reads.
    package func row(of id: Int32) -> Int { Int(rows[Int(id)]) }
}
