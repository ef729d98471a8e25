import ModelGraph

/// The products that read one value, as the projections to queries, keys and values do.
///
/// They share their input, so also its codes on the device and all that is known of it from the
/// calibration sequences.
struct LinearSite {
    let input: ValueID
    /// Indices of the nodes, ascending.
    let nodes: [Int]

    /// The sites of a graph in execution order.
    static func sites(of graph: Graph) -> [LinearSite] {
        var nodes: [ValueID: [Int]] = [:]
        var order: [ValueID] = []
        for (index, node) in graph.nodes.enumerated() {
            guard case .linear = node.operation, let input = node.inputs.first else { continue }
            if nodes[input] == nil { order.append(input) }
            nodes[input, default: []].append(index)
        }
        return order.map { LinearSite(input: $0, nodes: nodes[$0] ?? []) }
    }
}

extension Graph {
    /// The product that a node computes.
    func linear(at index: Int) -> Linear? {
        if case .linear(let linear) = nodes[index].operation { return linear }
        return nil
    }

    /// Changes a product, and with it those that compute the same of other values.
    ///
    /// A head that reads all rows and one that reads the last row have the same weight, so what goes
    /// with the weight must be the same, too.
    mutating func setLinear(_ linear: Linear, at index: Int) {
        let before = nodes[index].operation
        for other in nodes.indices where nodes[other].operation == before {
            nodes[other].operation = .linear(linear)
        }
    }

    /// Products that can be changed on their own, or are the first of several that can be changed
    /// together: nothing else reads their weights.
    func isChangeable(_ index: Int) -> Bool {
        guard let linear = linear(at: index) else { return false }
        for (other, node) in nodes.enumerated()
        where node.operation.parameterNames.contains(linear.weight) {
            guard node.operation == nodes[index].operation, other >= index else { return false }
        }
        return true
    }
}
