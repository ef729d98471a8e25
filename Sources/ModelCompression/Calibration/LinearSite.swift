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
}
