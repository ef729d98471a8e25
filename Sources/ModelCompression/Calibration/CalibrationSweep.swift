import ModelGraph
import Tensors

/// Walks the calibration sequences through the original model and through the one that is being
/// compressed, side by side.
///
/// A pass is shown each node before it is computed, with what flows into it in both models, and may
/// change the compressed model from there on: everything is fitted to what the compressed prefix
/// really computes. Nodes of the two models belong together by their names; one may have nodes that
/// the other lacks.
struct CalibrationSweep {
    private(set) var original: ActivationStream
    var compressed: ActivationStream
    private let originalModel: Model
    private let positions: [String: Int]
    let fittedSequences: Range<Int>
    let heldOutSequences: Range<Int>

    /// - Throws: `model` if the calibration sequences do not suit the model.
    init(
        _ calibration: CalibrationSet, original: Model, compressed: Model, threadCount: Int
    ) throws(CompressionError) {
        originalModel = original
        positions = Dictionary(
            original.graph.nodes.enumerated().map { ($0.element.name, $0.offset) },
            uniquingKeysWith: { first, _ in first })
        fittedSequences = 0..<calibration.fittedCount
        heldOutSequences = calibration.heldOut
        do {
            self.original = try ActivationStream(
                calibration.sequences, model: original, threadCount: threadCount,
                simulatesCodes: false)
            self.compressed = try ActivationStream(
                calibration.sequences, model: compressed, threadCount: threadCount,
                simulatesCodes: true)
        } catch {
            throw .model(error)
        }
    }

    /// Shows each node of the compressed model to `visit` before it is computed.
    mutating func run(
        _ model: inout Model,
        visit: (_ model: inout Model, _ node: Node, _ sweep: inout CalibrationSweep)
            throws(CompressionError) -> Void
    ) throws(CompressionError) {
        while compressed.position < model.graph.nodes.count {
            let node = model.graph.nodes[compressed.position]
            // A node that only the compressed model has reads what the next one that both have reads.
            let next = model.graph.nodes[compressed.position...].first {
                positions[$0.name] != nil
            }
            if let next { try advanceOriginal(to: next.name) }
            try visit(&model, node, &self)
            do {
                try compressed.advance(model)
            } catch {
                throw .model(error)
            }
        }
    }

    /// The node of the original model that a node of the compressed one stands for.
    func originalNode(_ node: Node) -> Node? {
        positions[node.name].map { originalModel.graph.nodes[$0] }
    }

    /// What flows into a node's counterpart in the original model; nil if that is no product.
    func originalInput(of node: Node) -> Tensor? {
        guard let counterpart = originalNode(node), case .linear = counterpart.operation else {
            return nil
        }
        return original[counterpart.inputs[0]]
    }

    /// What the original model has in the place of a product; nil if it has no such product.
    func originalProduct(of node: Node) throws(CompressionError) -> OriginalProduct? {
        guard let original = originalNode(node), case .linear(let linear) = original.operation
        else { return nil }
        let weight = try originalModel.finiteFloats(linear.weight)
        guard let name = linear.bias else { return OriginalProduct(weight: weight, bias: nil) }
        return OriginalProduct(weight: weight, bias: try originalModel.finiteFloats(name))
    }

    /// Computes the original model up to a node, that node not included.
    private mutating func advanceOriginal(to name: String) throws(CompressionError) {
        guard let target = positions[name] else { return }
        do {
            while original.position < target { try original.advance(originalModel) }
        } catch {
            throw .model(error)
        }
    }
}
