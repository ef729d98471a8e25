/// One operation with the values it reads and the value it makes.
package struct Node: Hashable, Sendable {
    /// Where the operation stands in the model, for instance `encoder.layer.0.attention.self.query`.
    package var name: String
    package var operation: Operation
    package var inputs: [ValueID]
    package var output: ValueID

    package init(name: String, operation: Operation, inputs: [ValueID], output: ValueID) {
        self.name = name
        self.operation = operation
        self.inputs = inputs
        self.output = output
    }
}

/// What an output of a graph means.
package enum OutputRole: String, Hashable, Sendable, CaseIterable {
    /// The last hidden state, `[tokens, hidden]`.
    case hiddenState
    /// A sentence embedding, `[1, size]`.
    case embedding
    /// Scores before the softmax: of a classifier one per label, `[1, labels]`; of a decoder one per
    /// token of the vocabulary that may follow each token, `[tokens, vocabulary]`.
    case logits
    /// The scores of a decoder for what follows the last token, `[1, vocabulary]`.
    case nextLogits
    /// The pooled vector of a BERT pooler, `[1, hidden]`.
    case pooled
}

/// A directed acyclic graph of operations in execution order.
package struct Graph: Hashable, Sendable {
    package var values: [Value]
    package var nodes: [Node]
    package var outputs: [OutputRole: ValueID]

    package init() {
        values = []
        nodes = []
        outputs = [:]
    }

    package subscript(id: ValueID) -> Value {
        values[id.index]
    }

    /// Appends a node and the value it makes.
    @discardableResult
    package mutating func append(
        _ name: String, _ operation: Operation, inputs: [ValueID], rows: RowCount, columnCount: Int
    ) -> ValueID {
        let output = ValueID(values.count)
        values.append(Value(name: name, rows: rows, columnCount: columnCount))
        nodes.append(Node(name: name, operation: operation, inputs: inputs, output: output))
        return output
    }
}
