package import ModelGraph

/// One step of compression: changes a model and says what it changed.
package protocol CompressionPass: Sendable {
    /// The name by which recipes call the pass.
    static var name: String { get }

    /// Applies the pass; `progress` is told the share that is done, in 0…1.
    func apply(
        to model: inout Model, progress: (Double) -> Void
    ) throws(CompressionError) -> PassRecord
}
