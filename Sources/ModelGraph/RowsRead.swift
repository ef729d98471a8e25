/// How much of each value of a graph is read on the way to some outputs.
package struct RowsRead {
    package enum Extent: Int, Comparable {
        case nothing
        case firstRow
        case allRows

        package static func < (left: Extent, right: Extent) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    private var extents: [Extent]

    /// - Parameter outputs: Values of which all rows are read.
    package init(_ graph: Graph, outputs: some Sequence<ValueID>) {
        extents = [Extent](repeating: .nothing, count: graph.values.count)
        for output in outputs { extents[output.index] = .allRows }
        // Readers come after what they read, so going back each value is complete when it is met.
        for node in graph.nodes.reversed() {
            let extent = extents[node.output.index]
            guard extent != .nothing else { continue }
            for (place, input) in node.inputs.enumerated() {
                extents[input.index] = max(
                    extents[input.index], node.operation.rowsRead(ofInput: place, for: extent))
            }
        }
    }

    package subscript(value: ValueID) -> Extent { extents[value.index] }
}

extension Operation {
    /// The rows of an input that the operation needs for some rows of its output, at least one.
    package func rowsRead(ofInput place: Int, for extent: RowsRead.Extent) -> RowsRead.Extent {
        switch self {
        case .pool(.firstRow): .firstRow
        case .attention where place > 0: .allRows
        default: givesRowsAlone ? extent : .allRows
        }
    }

    /// Whether each row of the output can be computed without the others, from the same row of the
    /// inputs; in an attention from that of the query and from all keys and values.
    ///
    /// Not in a causal attention: which keys a query sees depends on its place among the queries. Nor
    /// where a row is turned by its position.
    package var givesRowsAlone: Bool {
        switch self {
        case .linear, .layerNormalization, .rmsNormalization, .activation, .add, .multiply, .scale,
            .normalizeL2:
            true
        case .attention(let attention): attention.mask == .none && attention.slopes == nil
        case .embedding, .rotary, .pool: false
        }
    }
}
