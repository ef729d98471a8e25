import ModelGraph

extension Graph {
    /// The graph that computes some outputs with the same bits, and only the rows that they need.
    ///
    /// Where all that is read of a value goes back to its first row, as with the last hidden state
    /// of a classifier, the selection of that row moves in front of the operation that makes the
    /// value, and on from there; at an attention it goes on with the query only. Nodes that lead to
    /// none of the outputs are left out. Values keep their numbers.
    ///
    /// The bits stay because the operations that a selection passes compute each row alone. A
    /// number that is not computed any more cannot make an input fail by overflowing, either.
    func computing(_ outputs: [OutputRole: ValueID]) -> Graph {
        var selection = FirstRowSelection(self, outputs: outputs)
        for node in nodes { selection.append(node) }
        return selection.finished()
    }

    /// Moves nodes that make a fixed number of rows behind those that go over all tokens, as far as
    /// these do not read them: work on all tokens goes faster if it is not interrupted.
    fileprivate mutating func deferFixedRows() {
        var makers: [ValueID: Int] = [:]
        for (index, node) in nodes.enumerated() { makers[node.output] = index }
        var order: [Int] = []
        var isPlaced = [Bool](repeating: false, count: nodes.count)
        func place(_ index: Int) {
            if isPlaced[index] { return }
            isPlaced[index] = true
            for input in nodes[index].inputs { makers[input].map(place) }
            order.append(index)
        }
        for (index, node) in nodes.enumerated() where self[node.output].rows == .tokens {
            place(index)
        }
        for index in nodes.indices { place(index) }
        nodes = order.map { nodes[$0] }
    }
}

/// Copies a graph node by node and selects first rows as early as that changes nothing.
private struct FirstRowSelection {
    private let read: RowsRead
    private var graph: Graph
    /// Selections that have become superfluous, and the values that take the place of theirs.
    private var replacements: [ValueID: ValueID] = [:]
    /// Of values that are computed whole, their first rows as far as they are selected.
    private var firstRows: [ValueID: ValueID] = [:]

    init(_ original: Graph, outputs: [OutputRole: ValueID]) {
        read = RowsRead(original, outputs: outputs.values)
        graph = original
        graph.nodes = []
        graph.outputs = outputs
        for node in original.nodes where isNarrowed(node) {
            graph.values[node.output.index].rows = .fixed(1)
        }
    }

    /// Whether a node is to make the first row alone.
    private func isNarrowed(_ node: Node) -> Bool {
        read[node.output] == .firstRow && node.operation.givesRowsAlone
    }

    mutating func append(_ node: Node) {
        guard read[node.output] != .nothing else { return }
        if case .pool(.firstRow) = node.operation {
            replacements[node.output] = firstRow(of: node.inputs[0], by: node)
            return
        }
        var copy = node
        for (place, input) in node.inputs.enumerated() {
            let isFirstRow =
                isNarrowed(node)
                && node.operation.rowsRead(ofInput: place, for: .firstRow) == .firstRow
            copy.inputs[place] = isFirstRow ? firstRow(of: input) : current(input)
        }
        graph.nodes.append(copy)
    }

    func finished() -> Graph {
        var graph = graph
        graph.outputs = graph.outputs.mapValues { current($0) }
        graph.deferFixedRows()
        return graph
    }

    private func current(_ value: ValueID) -> ValueID {
        replacements[value] ?? value
    }

    /// The first row of a value, selected at most once.
    private mutating func firstRow(of value: ValueID, by selection: Node? = nil) -> ValueID {
        let source = current(value)
        if graph[source].rows == .fixed(1) { return source }
        if let known = firstRows[source] { return known }
        let row: ValueID
        if let selection {
            graph.nodes.append(selection)
            row = selection.output
        } else {
            row = graph.append(
                graph[source].name + ".first", .pool(.firstRow), inputs: [source],
                rows: .fixed(1), columnCount: graph[source].columnCount)
        }
        firstRows[source] = row
        return row
    }
}
