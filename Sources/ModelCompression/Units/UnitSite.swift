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
    /// Node whose output the product reads: the attention, the activation or the gating product.
    let middle: Int
    /// Products that make the units, with the rows that each unit has in them.
    let producers: [(node: Int, rowsPerUnit: Int)]
    /// Nodes between the producers and the middle, as rotary embeddings, with the columns that each
    /// unit has in what they give.
    let passed: [(node: Int, columnsPerUnit: Int)]
    let columnsPerUnit: Int
    let unitCount: Int

    /// The sites of a graph in execution order.
    ///
    /// - Parameter parameters: Tell a normalization of each head from one of all together.
    static func sites(of graph: Graph, parameters: [String: Parameter] = [:]) -> [UnitSite] {
        let finder = UnitSiteFinder(graph, parameters: parameters)
        return graph.nodes.indices.compactMap { finder.site(at: $0) }
    }

    /// The sites of a model in execution order.
    static func sites(of model: Model) -> [UnitSite] {
        sites(of: model.graph, parameters: model.parameters)
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
        for passed in site.passed {
            graph.values[graph.nodes[passed.node].output.index].keep(
                kept.flatMap {
                    $0 * passed.columnsPerUnit..<($0 + 1) * passed.columnsPerUnit
                })
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
