import ModelGraph

extension Model {
    /// The model that computes what its answers need, and nothing else.
    ///
    /// Its answers are the embedding and the logits; without logits, task `raw` answers with the
    /// last hidden state. Another output stays where the answers need all of it anyway: the last
    /// hidden state under a mean does, that under a selection of its first row does not, nor does a
    /// pooler that no classifier reads.
    func computingAnswers() -> Model {
        var answers = graph.outputs.filter { role, _ in
            switch role {
            case .embedding, .logits: true
            case .hiddenState: task == .raw && graph.outputs[.logits] == nil
            case .pooled: false
            }
        }
        if answers.isEmpty { answers = graph.outputs }
        let read = RowsRead(graph, outputs: answers.values)
        var model = self
        model.graph = graph.computing(graph.outputs.filter { read[$0.value] == .allRows })
        return model
    }

    /// What the graph reads no part of: tensors of the checkpoint that it never needed, in their
    /// order, then parameters that it does not need any more, ascending.
    var unreadNames: [String] {
        let read = graph.parameterNames
        return unusedTensors + parameters.keys.filter { !read.contains($0) }.sorted()
    }
}
