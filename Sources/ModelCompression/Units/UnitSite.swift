import ModelGraph
import Tensors

/// A place of a model that is made of units which can leave one by one: the heads of an attention or
/// the neurons of a feed-forward network.
///
/// The units end in the columns of one product's input, a few columns each, and begin in the rows of
/// other products. Heads that share keys and values are one unit.
struct UnitSite {
    enum Kind: String, Sendable {
        case heads
        case neurons
    }

    let kind: Kind
    /// The node that reads the units.
    let output: Int
    /// Node between the producers and the output: the attention or the activation.
    let middle: Int
    /// Products that make the units, with the rows that each unit has in them.
    let producers: [(node: Int, rowsPerUnit: Int)]
    let columnsPerUnit: Int
    let unitCount: Int

    /// The sites of a graph in execution order.
    static func sites(of graph: Graph) -> [UnitSite] {
        var makers: [ValueID: Int] = [:]
        for (index, node) in graph.nodes.enumerated() { makers[node.output] = index }
        let outputs = Set(graph.outputs.values)
        func isReadOnce(_ value: ValueID) -> Bool {
            !outputs.contains(value)
                && graph.nodes.reduce(0) { $0 + $1.inputs.count { $0 == value } } == 1
        }
        /// The product that makes a value which nothing else reads.
        func producer(of value: ValueID) -> Int? {
            guard let maker = makers[value], graph.linear(at: maker) != nil, isReadOnce(value)
            else { return nil }
            return maker
        }
        return graph.nodes.indices.compactMap { index in
            guard graph.linear(at: index) != nil, let input = graph.nodes[index].inputs.first,
                isReadOnce(input), let middle = makers[input]
            else { return nil }
            let node = graph.nodes[middle]
            switch node.operation {
            case .attention(let attention):
                let nodes = node.inputs.compactMap(producer)
                guard nodes.count == 3, attention.keyValueHeadCount > 0 else { return nil }
                let group = attention.headCount / attention.keyValueHeadCount
                let rows = [
                    group * attention.headSize, attention.headSize, attention.valueSize,
                ]
                return UnitSite(
                    kind: .heads, output: index, middle: middle,
                    producers: Array(zip(nodes, rows)).map { (node: $0.0, rowsPerUnit: $0.1) },
                    columnsPerUnit: group * attention.valueSize,
                    unitCount: attention.keyValueHeadCount)
            case .activation:
                // What is computed once per sequence, as a pooler is, costs next to nothing.
                guard let inner = producer(of: node.inputs[0]), graph[input].columnCount > 0,
                    case .tokens = graph[input].rows
                else { return nil }
                return UnitSite(
                    kind: .neurons, output: index, middle: middle,
                    producers: [(node: inner, rowsPerUnit: 1)], columnsPerUnit: 1,
                    unitCount: graph[input].columnCount)
            default:
                return nil
            }
        }
    }

    /// The columns of some units in the input of the output product.
    func columns(of units: [Int]) -> [Int] {
        units.flatMap { $0 * columnsPerUnit..<($0 + 1) * columnsPerUnit }
    }

    /// Multiply-accumulates of one unit for an input of `tokens` tokens, in the products and in the
    /// attention, of those rows that are read.
    func unitCost(in graph: Graph, read: RowsRead, tokens: Int) -> Int {
        func rows(_ value: ValueID) -> Int {
            guard case .tokens = graph[value].rows else { return 1 }
            return read[value] == .firstRow ? 1 : tokens
        }
        var cost = 0
        for producer in producers {
            let node = graph.nodes[producer.node]
            cost += rows(node.output) * producer.rowsPerUnit * graph[node.inputs[0]].columnCount
        }
        let node = graph.nodes[output]
        cost += rows(node.output) * columnsPerUnit * graph[node.output].columnCount
        if case .attention(let attention) = graph.nodes[middle].operation {
            let inputs = graph.nodes[middle].inputs
            let group = attention.headCount / max(1, attention.keyValueHeadCount)
            cost +=
                rows(graph.nodes[middle].output) * rows(inputs[1]) * group
                * (attention.headSize + attention.valueSize)
        }
        return cost
    }
}

extension Model {
    /// Removes all units of a site but some, with the output product's new weights for them.
    ///
    /// - Parameters:
    ///   - kept: Ascending.
    ///   - weight: `[outputs, kept columns]`
    ///   - bias: `[outputs]`
    mutating func keep(
        _ kept: [Int], of site: UnitSite, weight: Tensor, bias: Tensor
    ) throws(CompressionError) {
        for producer in site.producers {
            let rows = kept.flatMap {
                $0 * producer.rowsPerUnit..<($0 + 1) * producer.rowsPerUnit
            }
            try keepRows(rows, ofProduct: producer.node)
        }
        graph.values[graph.nodes[site.middle].output.index].keep(site.columns(of: kept))
        if case .attention(var attention) = graph.nodes[site.middle].operation {
            let group = attention.headCount / max(1, attention.keyValueHeadCount)
            attention.keyValueHeadCount = kept.count
            attention.headCount = kept.count * group
            graph.nodes[site.middle].operation = .attention(attention)
        }
        replace(weight: weight, bias: bias, ofProduct: site.output)
    }

    /// Gives a product other weights.
    mutating func replace(
        weight: Tensor, bias: Tensor, ofProduct index: Int
    ) {
        guard var linear = graph.linear(at: index) else { return }
        parameters[linear.weight] = Parameter(shape: weight.shape, storage: .dense(weight))
        let name = linear.bias ?? graph.nodes[index].name + ".bias"
        parameters[name] = Parameter(shape: bias.shape, storage: .dense(bias))
        linear.bias = name
        graph.nodes[index].operation = .linear(linear)
    }

    private mutating func keepRows(
        _ rows: [Int], ofProduct index: Int
    ) throws(CompressionError) {
        guard let linear = graph.linear(at: index) else { return }
        let weight = try finiteFloats(linear.weight).selectingRows(rows)
        parameters[linear.weight] = Parameter(shape: weight.shape, storage: .dense(weight))
        if let name = linear.bias {
            let bias = try finiteFloats(name)
            let values = rows.map { bias.values[$0] }
            parameters[name] = Parameter(
                shape: [rows.count], storage: .dense(Tensor(shape: [rows.count], values: values)))
        }
        graph.values[graph.nodes[index].output.index].keep(rows)
    }
}

extension Value {
    fileprivate mutating func keep(_ columns: [Int]) {
        columnCount = columns.count
        keptColumns = keptColumns.map { kept in columns.map { kept[$0] } } ?? columns
    }
}
