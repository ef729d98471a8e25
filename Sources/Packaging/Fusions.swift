import ModelGraph

/// Which nodes are computed in one instruction with the node whose result they alone read: an
/// activation or a sum with a product, a normalization with a sum.
///
/// They are found in the graph as it was before anything was left out of it. A product of codes has
/// a coarser GELU than an activation of its own (formats/container.md, "Arithmetic"), so what is
/// computed together must not depend on how many readers are left.
struct Fusions {
    private var results: [ValueID: ValueID] = [:]

    init(_ graph: Graph) {
        var readers: [ValueID: [Node]] = [:]
        for node in graph.nodes {
            for input in node.inputs { readers[input, default: []].append(node) }
        }
        let outputs = Set(graph.outputs.values)
        for node in graph.nodes where !outputs.contains(node.output) {
            guard let only = readers[node.output], only.count == 1 else { continue }
            switch (node.operation, only[0].operation) {
            case (.linear, .activation), (.add, .layerNormalization):
                results[node.output] = only[0].output
            case (.linear, .add):
                // A sum that is normalized takes its product with it.
                let next = readers[only[0].output] ?? []
                let isNormalized = next.count == 1 && !outputs.contains(only[0].output)
                if isNormalized, case .layerNormalization = next[0].operation { break }
                results[node.output] = only[0].output
            default:
                break
            }
        }
    }

    /// The value that is made at once where `value` would be made first; nil if there is none.
    func result(of value: ValueID) -> ValueID? {
        results[value]
    }
}
