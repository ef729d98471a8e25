package import Checkpoints

extension Model {
    /// Builds the graph of a checkpoint; weights stay in the checkpoint.
    ///
    /// - Parameter task: What the model shall be used for; nil takes the most specific task that
    ///   the checkpoint has weights for.
    package init(checkpoint: Checkpoint, task: ModelTask? = nil) throws(ModelError) {
        fatalError()
    }
}
