import ModelGraph

extension Graph {
    /// Adds the logits of all tokens to a graph that has those of the next one only: what is computed
    /// of the last row is computed of all.
    ///
    /// Does nothing if they are there, or if more than the rows alone would be needed.
    mutating func restoreLogits() {
        guard outputs[.logits] == nil, let next = outputs[.nextLogits] else { return }
        // Values of the last row, and what they are for all rows.
        var whole: [ValueID: ValueID] = [:]
        for node in nodes {
            if case .pool(.lastRow) = node.operation {
                whole[node.output] = node.inputs[0]
            } else if node.operation.givesRowsAlone, !node.inputs.isEmpty,
                node.inputs.allSatisfy({ whole[$0] != nil })
            {
                whole[node.output] = append(
                    node.name + ".all", node.operation,
                    inputs: node.inputs.compactMap { whole[$0] }, rows: .tokens,
                    columnCount: self[node.output].columnCount)
            }
        }
        outputs[.logits] = whole[next]
    }
}
