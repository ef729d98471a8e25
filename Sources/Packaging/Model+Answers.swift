import Checkpoints
package import ModelGraph

extension Model {
    /// The model without outputs that answer nothing and without what only they need, so that no
    /// pass works on that.
    ///
    /// The answers of a model are the embedding and the logits, of one that generates those of the
    /// next token; without logits, task `raw` answers with the last hidden state. Another output
    /// stays where the answers need all of it anyway: the last hidden state under a mean does, that
    /// under a selection of its first row does not, nor does a pooler that no classifier reads.
    ///
    /// - Parameter keepsAllLogits: Whether a model that generates keeps those of all tokens. They are
    ///   large, so passes go without them; a container has them (`Graph.restoreLogits`).
    package func keepingAnswers(keepsAllLogits: Bool = false) -> Model {
        var answers = graph.outputs.filter { role, _ in
            switch role {
            case .embedding: true
            case .logits:
                keepsAllLogits || task != .generate || graph.outputs[.nextLogits] == nil
            case .nextLogits: task == .generate
            case .hiddenState: task == .raw && graph.outputs[.logits] == nil
            case .pooled: false
            }
        }
        if answers.isEmpty { answers = graph.outputs }
        let read = RowsRead(graph, outputs: answers.values)
        var model = self
        model.graph.outputs = graph.outputs.filter { read[$0.value] == .allRows }
        model.graph.nodes.removeAll { read[$0.output] == .nothing }
        model.leaveOutUnreadParameters()
        return model
    }

    /// Forgets the parameters that no node reads; their tensors are unused then.
    mutating func leaveOutUnreadParameters() {
        let read = graph.parameterNames
        var tensors = Set(unusedTensors)
        for (name, parameter) in parameters where !read.contains(name) {
            if let tensor = parameter.tensorName { tensors.insert(tensor) }
        }
        parameters = parameters.filter { read.contains($0.key) }
        for parameter in parameters.values {
            if let tensor = parameter.tensorName { tensors.remove(tensor) }
        }
        unusedTensors = checkpoint.tensorNames.filter { tensors.contains($0) }
    }
}
