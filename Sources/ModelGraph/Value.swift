/// Identifies an activation that flows along an edge of a graph.
package struct ValueID: Hashable, Sendable {
    package let index: Int

    package init(_ index: Int) {
        self.index = index
    }
}

/// The number of rows of an activation, which may depend on the input.
package enum RowCount: Hashable, Sendable {
    /// One row per input token.
    case tokens
    /// A fixed number of rows, for instance one for a pooled vector.
    case fixed(Int)
}

/// An activation: a matrix `[rows, columnCount]` of floats.
package struct Value: Hashable, Sendable {
    package var name: String
    package var rows: RowCount
    package var columnCount: Int
    /// Which columns of the value as it was loaded are left, if a pass removed some.
    package var keptColumns: [Int]?

    package init(name: String, rows: RowCount, columnCount: Int) {
        self.name = name
        self.rows = rows
        self.columnCount = columnCount
    }
}
