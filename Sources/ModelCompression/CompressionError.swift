package import ModelGraph

/// Why a recipe cannot be applied to a model.
package enum CompressionError: Error, Equatable {
    /// A weight holds NaN or infinity.
    case notFinite(tensor: String, count: Int)
    case model(ModelError)
    /// The calibration data determines nothing for this product.
    case singular(node: String)
    case needsCalibration(pass: String)

    package var description: String {
        switch self {
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)': \(count) values are NaN or infinite and cannot be quantized"
        case .model(let error):
            error.description
        case .singular(let node):
            "'\(node)': the calibration data does not suffice to fit it"
        case .needsCalibration(let pass):
            "the pass '\(pass)' needs calibration data (--calibration)"
        }
    }
}
