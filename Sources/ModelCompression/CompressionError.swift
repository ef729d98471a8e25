package import ModelGraph

/// Why a recipe cannot be applied to a model.
package enum CompressionError: Error, Equatable {
    /// A weight holds NaN or infinity.
    case notFinite(tensor: String, count: Int)
    /// An option of a pass that only data can answer; `instead` is what works without.
    case needsCalibration(pass: String, option: String, value: String, instead: String)
    case model(ModelError)

    package var description: String {
        switch self {
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)': \(count) values are NaN or infinite and cannot be quantized"
        case .needsCalibration(let pass, let option, let value, let instead):
            "pass '\(pass)': '\(option)' is '\(value)', which needs calibration data "
                + "(--calibration); without, only '\(instead)' works"
        case .model(let error):
            error.description
        }
    }
}
