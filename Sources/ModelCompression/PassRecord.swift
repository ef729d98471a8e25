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
}

/// What a pass did to a model.
package struct PassRecord: Sendable {
    package let pass: String
    package let changes: [TensorChange]
    /// What was left as it was, and why, one sentence each.
    package let notes: [String]
    package let seconds: Double

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
