package import Checkpoints
package import Tensors

/// Why a checkpoint does not become a model, or a model does not run.
package enum ModelError: Error, Equatable, Sendable {
    case checkpoint(CheckpointError)
    case tensor(node: String, TensorError)
    case noConfiguration(path: String)
}
