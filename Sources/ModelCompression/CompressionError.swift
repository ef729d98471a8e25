package import Checkpoints

/// Why a recipe cannot be applied to a model.
package enum CompressionError: Error, Equatable {
    /// A weight holds NaN or infinity.
    case notFinite(tensor: String, count: Int)
    case checkpoint(CheckpointError)

    package var description: String {
        switch self {
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)': \(count) values are NaN or infinite and cannot be quantized"
        case .checkpoint(let error):
            error.description
        }
    }
}
