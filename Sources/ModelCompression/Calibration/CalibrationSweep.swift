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
    private let importance: RowImportance?
    private let positions: [String: Int]
    let fittedSequences: Range<Int>
    let heldOutSequences: Range<Int>

    /// - Throws: `model` if the calibration sequences do not suit the model.
    init(
        _ calibration: CalibrationSet, original: Model, compressed: Model,
        importance: RowImportance? = nil, threadCount: Int
    ) throws(CompressionError) {
        originalModel = original
        self.importance = importance
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
            // A node that only the compressed model has belongs to the next one that both have.
            let next = model.graph.nodes[compressed.position...].first {
                positions[$0.name] != nil
            }
            if let next { try advanceOriginal(past: next.name) }
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

    /// What a product should give: the original model's output, less what the compressed model's
    /// residual connection is already off by.
    ///
    /// - Returns: `[rows, outputs]`; the product's own float output on the compressed input if the
    ///   original model has no such product.
    func target(of node: Node, in model: Model) throws(CompressionError) -> Tensor {
        guard let originalNode = originalNode(node), case .linear = originalNode.operation,
            var target = original[originalNode.output]
        else {
            guard let input = compressed[node.inputs[0]] else { throw Self.missing(node) }
            return try model.product(of: node, input)
        }
        if let kept = model.graph[node.output].keptColumns {
            target = target.selectingColumns(kept)
        }
        guard let skipped = model.graph.residual(of: node).flatMap({ compressed[$0] }),
            let before = originalModel.graph.residual(of: originalNode).flatMap({ original[$0] }),
            skipped.shape == target.shape, before.shape == target.shape
        else { return target }
        return target.adding(before, minus: skipped)
    }

    /// Variance of what the original model's residual connection adds to the output of a product,
    /// summed over some rows and all columns; 0 if there is none.
    func residualEnergy(of node: Node, rows: [Int]) -> Double {
        originalNode(node).flatMap { originalModel.graph.residual(of: $0) }
            .flatMap { original[$0] }?.selectingRows(rows).varianceSum ?? 0
    }

    /// How much the rows that flow into a product count; nil if all alike.
    func rowWeights(of node: Node) -> [Float]? {
        originalNode(node).flatMap { $0.inputs.first }.flatMap { importance?[$0] }
    }

    private static func missing(_ node: Node) -> CompressionError {
        .model(.graph(node: node.name, .inputNotComputed(0)))
    }

    /// Computes the original model up to a node, that node included, and the products after it that
    /// read the same value: a pass may treat them together.
    private mutating func advanceOriginal(past name: String) throws(CompressionError) {
        guard let target = positions[name] else { return }
        let nodes = originalModel.graph.nodes
        var last = target
        while last + 1 < nodes.count, case .linear = nodes[last + 1].operation,
            nodes[last + 1].inputs == nodes[target].inputs
        {
            last += 1
        }
        do {
            while original.position <= last { try original.advance(originalModel) }
        } catch {
            throw .model(error)
        }
    }
}

extension Graph {
    /// The value that a residual connection adds to the output of a node; nil if there is none.
    func residual(of node: Node) -> ValueID? {
        let readers = nodes.filter { $0.inputs.contains(node.output) }
        guard readers.count == 1, readers[0].operation == .add else { return nil }
        return readers[0].inputs.first { $0 != node.output }
    }
}

extension Model {
    /// The output of a product of floats.
    func product(of node: Node, _ input: Tensor) throws(CompressionError) -> Tensor {
        guard case .linear(let linear) = node.operation else {
            preconditionFailure("only products have an output of this kind")
        }
        let weight = try finiteFloats(linear.weight)
        let bias = try linear.bias.map { name throws(CompressionError) in try finiteFloats(name) }
        do {
            return try MatrixProduct.linear(input, weight: weight, bias: bias)
        } catch {
            throw .model(.tensor(node: node.name, error))
        }
    }
}
