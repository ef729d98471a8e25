package import ModelGraph

/// Why a recipe cannot be applied to a model.
package enum CompressionError: Error, Equatable {
    /// A weight holds NaN or infinity.
    case notFinite(tensor: String, count: Int)
    case model(ModelError)

    package var description: String {
        switch self {
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)': \(count) values are NaN or infinite and cannot be quantized"
        case .model(let error):
            error.description
        }
    }
}
