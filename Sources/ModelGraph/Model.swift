package import Checkpoints

/// What a model is for, which decides what `run-edge` prints by default.
package enum ModelTask: String, Sendable, CaseIterable {
    case embed
    case classify
    /// Continues a text token by token.
    case generate
    case raw
}

/// A validated graph with its weights, which may still lie in the checkpoint.
package struct Model: Sendable {
    /// Name of the architecture family, for instance `bert`.
    package var family: String
    package var task: ModelTask
    package var graph: Graph
    /// Weights by their name in the checkpoint without a family prefix such as `bert.`.
    package var parameters: [String: Parameter]
    /// Names of the classes, in the order of the logits; empty for other tasks.
    package var labels: [String]
    /// Longest input in tokens, special tokens included.
    package var maximumTokens: Int
    /// Token ids are below this; rows of the token tables unless some tokens were left out.
    package var vocabularySize: Int
    /// The tokens that have a row in the token tables; nil for all.
    package var keptTokens: KeptTokens?
    /// Rows of the token type table; 0 if the model has none.
    package var typeCount: Int
    /// The token that generation begins with where a text gives none; nil if nothing says so.
    package var beginToken: Int32?
    /// Tokens after which generation ends.
    package var endTokens: [Int32]
    package let checkpoint: Checkpoint
    /// Tensors of the checkpoint that the graph does not need, in the checkpoint's order.
    package var unusedTensors: [String]

    package init(
        family: String, task: ModelTask, graph: Graph, parameters: [String: Parameter],
        labels: [String], maximumTokens: Int, vocabularySize: Int, typeCount: Int,
        beginToken: Int32? = nil, endTokens: [Int32] = [], checkpoint: Checkpoint,
        unusedTensors: [String] = []
    ) {
        self.family = family
        self.task = task
        self.graph = graph
        self.parameters = parameters
        self.labels = labels
        self.maximumTokens = maximumTokens
        self.vocabularySize = vocabularySize
        self.typeCount = typeCount
        self.beginToken = beginToken
        self.endTokens = endTokens
        self.checkpoint = checkpoint
        self.unusedTensors = unusedTensors
    }
}
