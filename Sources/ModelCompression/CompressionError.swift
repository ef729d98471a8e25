package import ModelGraph

/// Why a recipe cannot be applied to a model.
package enum CompressionError: Error, Equatable {
    /// A weight holds NaN or infinity.
    case notFinite(tensor: String, count: Int)
    /// An option of a pass that only data can answer; `instead` is what works without.
    case optionNeedsCalibration(pass: String, option: String, value: String, instead: String)
    case model(ModelError)
    /// The calibration data determines nothing for this product.
    case singular(node: String)
    case needsCalibration(pass: String)

    package var description: String {
        switch self {
        case .notFinite(let tensor, let count):
            "tensor '\(tensor)': \(count) values are NaN or infinite and cannot be quantized"
        case .optionNeedsCalibration(let pass, let option, let value, let instead):
            "pass '\(pass)': '\(option)' is '\(value)', which needs calibration data "
                + "(--calibration); without, only '\(instead)' works"
        case .model(let error):
            error.description
        case .singular(let node):
            "'\(node)': the calibration data does not suffice to fit it"
        case .needsCalibration(let pass):
            "the pass '\(pass)' needs calibration data (--calibration)"
        }
    }
}

extension CompressionError {
    /// Runs a part that only the model can make fail.
    static func wrapping<Result>(
        _ body: () throws(ModelError) -> Result
    ) throws(CompressionError) -> Result {
        do {
            return try body()
        } catch {
            throw .model(error)
        }
    }
}
