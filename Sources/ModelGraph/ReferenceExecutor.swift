package import Tensors

/// Runs a model in float32: the reference that compressed models are measured against.
package struct ReferenceExecutor {
    /// Sees a node with its inputs and its output, each `[rows, columns]`.
    package typealias Tap = (Node, [Tensor], Tensor) -> Void

    package let model: Model

    package init(model: Model, threadCount: Int) {
        self.model = model
    }

    package func run(
        tokenIDs: [Int32], typeIDs: [Int32]? = nil, tap: Tap? = nil
    ) throws(ModelError) -> [OutputRole: Tensor] {
        fatalError()
    }
}
