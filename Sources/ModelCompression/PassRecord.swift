import Foundation

/// What a pass did to one weight.
package struct TensorChange: Hashable, Sendable {
    package let name: String
    /// Bytes in the checkpoint.
    package let bytesBefore: Int
    /// Bytes after the pass, scales included, before entropy coding.
    package let bytesAfter: Int
    /// Energy of the weight and energy of the error the pass made, Σ w² and Σ (w − ŵ)².
    package let signalEnergy: Double
    package let errorEnergy: Double

    /// The change from what an earlier pass began with.
    package func following(_ earlier: TensorChange) -> TensorChange {
        TensorChange(
            name: name, bytesBefore: earlier.bytesBefore, bytesAfter: bytesAfter,
            signalEnergy: signalEnergy, errorEnergy: errorEnergy)
    }
}

/// What a pass did to the output of one product, measured on held-out calibration sequences against
/// the original model.
package struct OutputChange: Hashable, Sendable {
    /// Name of the node.
    package let name: String
    /// Variance of the original output, summed over rows and columns.
    package let signalEnergy: Double
    /// Σ (y − y₀)² with the compressed prefix but this product as it was.
    package let errorBefore: Double
    /// The same with the changed product.
    package let errorAfter: Double

    /// Error after the pass in parts of the signal.
    package var relativeError: Double {
        signalEnergy > 0 ? errorAfter / signalEnergy : 0
    }
}

/// What a pass did to a model.
package struct PassRecord: Sendable {
    package let pass: String
    package var changes: [TensorChange] = []
    package var outputs: [OutputChange] = []
    /// What was left as it was, and why, one sentence each.
    package var notes: [String] = []
    package var seconds: Double = 0
    /// How far the answers to held-out sequences are from the original's after the pass
    /// (`OutputDistance`); nil without calibration data.
    package var answerDistance: Double?

    package init(pass: String) {
        self.pass = pass
    }

    package var changedNothing: Bool { changes.isEmpty }
}

extension Sequence<TensorChange> {
    /// 10 · log₁₀(Σ signal / Σ error) in dB; infinite where nothing was lost.
    package var signalToNoiseRatio: Double {
        var signal = 0.0
        var error = 0.0
        for change in self {
            signal += change.signalEnergy
            error += change.errorEnergy
        }
        return 10 * (log10(signal) - log10(error))
    }
}
