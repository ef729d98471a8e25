package import Tensors

/// What can be wrong with a checkpoint; every case names its file.
package enum CheckpointError: Error, Equatable, Sendable {
    case notFound(path: String)
    case json(file: String, JSONError)
}
