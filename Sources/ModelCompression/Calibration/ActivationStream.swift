import ModelGraph
import Tensors

/// The activations of all calibration sequences on their way through a model, node by node.
///
/// Only what later nodes read is kept, so memory is bounded by the widest place of the model. A
/// pass may change the model ahead of the stream, and the width of what the next nodes read.
struct ActivationStream {
    let batch: SequenceBatch
    private let threadCount: Int
    private let simulatesCodes: Bool
    private var values: [ValueID: Tensor] = [:]
    private var released: [[ValueID]]
    /// Number of nodes that were computed.
    private(set) var position = 0

    init(
        _ sequences: [TokenSequence], model: Model, threadCount: Int, simulatesCodes: Bool
    ) throws(ModelError) {
        batch = try SequenceBatch(sequences, for: model)
        self.threadCount = threadCount
        self.simulatesCodes = simulatesCodes
        released = ReferenceExecutor.releasedValues(model.graph)
    }

    /// What a node that comes next reads or one that was computed last wrote.
    subscript(value: ValueID) -> Tensor? {
        values[value]
    }

    /// Rows of a value that belong to a range of sequences.
    func rows(of sequences: Range<Int>, _ value: ValueID, in model: Model) -> Range<Int> {
        guard let last = sequences.last else { return 0..<0 }
        let rows = model.graph[value].rows
        return batch.rows(of: sequences.lowerBound, rows)
            .lowerBound..<batch.rows(of: last, rows).upperBound
    }

    /// Computes the next node with the weights that the model has now.
    ///
    /// - Returns: Its output.
    @discardableResult
    mutating func advance(_ model: Model) throws(ModelError) -> Tensor {
        let node = model.graph.nodes[position]
        let output = try executor(model).compute(
            node, node.inputs.compactMap { values[$0] }, batch)
        values[node.output] = output
        for value in released[position] { values[value] = nil }
        position += 1
        return output
    }

    private func executor(_ model: Model) -> ReferenceExecutor {
        Parallel.threadCount = threadCount
        return ReferenceExecutor(
            nodesOf: model, threadCount: threadCount, simulatesCodes: simulatesCodes)
    }

    /// Takes note of nodes that were inserted where the stream stands, or later.
    mutating func follow(_ graph: Graph) {
        released = ReferenceExecutor.releasedValues(graph)
    }

    /// Keeps some columns of a value, in the given order.
    mutating func selectColumns(_ columns: [Int], of value: ValueID) {
        guard let tensor = values[value] else { return }
        values[value] = tensor.selectingColumns(columns)
    }

    /// Gives columns of a value the same number in every row.
    mutating func setColumns(_ columns: [Int], of value: ValueID, to numbers: [Double]) {
        guard var tensor = values[value] else { return }
        for row in 0..<tensor.rowCount {
            for column in columns {
                tensor.values[row * tensor.columnCount + column] = Float(numbers[column])
            }
        }
        values[value] = tensor
    }
}

extension ActivationStream {
    /// A value after the rest of the model has been computed; the stream itself stays where it is.
    ///
    /// Only what the value goes back to is computed: where that is the first row of each sequence,
    /// as behind the last attention of a classifier, no other.
    func finished(_ model: Model, _ value: ValueID) throws(ModelError) -> Tensor {
        var rest = self
        // Attentions give all rows: OpenBLAS rounds the scores of one query alone differently.
        let queries = model.graph.nodes.filter(\.operation.isAttention).map { $0.inputs[0] }
        let read = RowsRead(model.graph, outputs: [value] + queries)
        var firstRows: [ValueID: Tensor] = [:]
        while rest.position < model.graph.nodes.count {
            try rest.advance(model, read, &firstRows)
        }
        guard let tensor = rest[value] else {
            throw .graph(node: model.graph[value].name, .unknownValue(value.index))
        }
        return tensor
    }

    /// Computes what is read of the next node.
    ///
    /// - Parameter firstRows: Those of each sequence, of values that have no other rows.
    private mutating func advance(
        _ model: Model, _ read: RowsRead, _ firstRows: inout [ValueID: Tensor]
    ) throws(ModelError) {
        let node = model.graph.nodes[position]
        switch node.operation {
        case _ where read[node.output] == .nothing:
            break
        case _ where isNarrow(node, model, read):
            firstRows[node.output] = try executor(model).compute(
                node,
                node.inputs.compactMap { input in
                    firstRows[input] ?? values[input]?.selectingRows(batch.firstRows)
                }, batch)
        case .pool(.firstRow) where firstRows[node.inputs[0]] != nil:
            values[node.output] = firstRows[node.inputs[0]]
        default:
            try advance(model)
            return
        }
        for value in released[position] { (values[value], firstRows[value]) = (nil, nil) }
        position += 1
    }

    /// Whether the first row of each sequence is all that is read of a node's output, and can be
    /// computed alone.
    private func isNarrow(_ node: Node, _ model: Model, _ read: RowsRead) -> Bool {
        read[node.output] == .firstRow && node.operation.givesRowsAlone
            && !node.operation.isAttention
            && (node.inputs + [node.output]).allSatisfy { model.graph[$0].rows == .tokens }
    }
}

extension Operation {
    fileprivate var isAttention: Bool {
        if case .attention = self { true } else { false }
    }
}

extension PassContext {
    /// Sequences at the beginning of a model, in floats.
    func stream(
        _ sequences: [TokenSequence], through model: Model
    ) throws(CompressionError) -> ActivationStream {
        try CompressionError.wrapping { () throws(ModelError) in
            try ActivationStream(
                sequences, model: model, threadCount: threadCount, simulatesCodes: false)
        }
    }
}
