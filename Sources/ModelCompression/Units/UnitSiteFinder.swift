import ModelGraph

/// Finds the places of a graph whose units can leave.
struct UnitSiteFinder {
    private let graph: Graph
    private let parameters: [String: Parameter]
    private var makers: [ValueID: Int] = [:]
    private var readerCounts: [ValueID: Int] = [:]
    private let sharedParameters: Set<String>

    /// Products that make the columns of a value, and the nodes on the way from them.
    private struct Origin {
        var producers: [Int]
        var passed: [Int] = []
    }

    init(_ graph: Graph, parameters: [String: Parameter]) {
        self.graph = graph
        self.parameters = parameters
        sharedParameters = graph.sharedParameterNames
        for (index, node) in graph.nodes.enumerated() {
            makers[node.output] = index
            for input in node.inputs { readerCounts[input, default: 0] += 1 }
        }
        // What is an output must stay as it is.
        for output in graph.outputs.values { readerCounts[output, default: 0] += 2 }
    }

    /// The site whose units a node reads, if it is a product that reads some.
    func site(at output: Int) -> UnitSite? {
        guard isOwnProduct(output), let input = graph.nodes[output].inputs.first,
            readerCounts[input] == 1, let middle = makers[input]
        else { return nil }
        switch graph.nodes[middle].operation {
        case .attention(let attention): return heads(attention, middle: middle, output: output)
        case .activation, .multiply: return neurons(input, middle: middle, output: output)
        default: return nil
        }
    }

    /// Whether a node is a product whose weight nothing else reads.
    private func isOwnProduct(_ index: Int) -> Bool {
        guard let linear = graph.linear(at: index) else { return false }
        return !sharedParameters.contains(linear.weight)
    }

    private func heads(_ attention: Attention, middle: Int, output: Int) -> UnitSite? {
        let origins = graph.nodes[middle].inputs.compactMap {
            origin(ofHeads: $0, headSize: attention.headSize)
        }
        // Slopes belong to heads, too, and would have to leave with them.
        guard origins.count == 3, attention.keyValueHeadCount > 0, attention.slopes == nil else {
            return nil
        }
        let group = attention.headCount / attention.keyValueHeadCount
        let sizes = [group * attention.headSize, attention.headSize, attention.valueSize]
        return UnitSite(
            kind: .heads, output: output, middle: middle,
            producers: zip(origins, sizes).map { (node: $0.producers[0], rowsPerUnit: $1) },
            passed: zip(origins, sizes).flatMap { origin, size in
                origin.passed.map { (node: $0, columnsPerUnit: size) }
            },
            columnsPerUnit: group * attention.valueSize, unitCount: attention.keyValueHeadCount)
    }

    /// Back through what treats each head alone.
    private func origin(ofHeads value: ValueID, headSize: Int) -> Origin? {
        guard readerCounts[value] == 1, let maker = makers[value] else { return nil }
        let node = graph.nodes[maker]
        switch node.operation {
        case .linear:
            return isOwnProduct(maker) ? Origin(producers: [maker]) : nil
        case .rotary(let rotary) where rotary.headSize == headSize: break
        case .rmsNormalization(let normalization)
        where parameters[normalization.gamma]?.shape == [headSize]: break
        default: return nil
        }
        guard var origin = origin(ofHeads: node.inputs[0], headSize: headSize) else { return nil }
        origin.passed.append(maker)
        return origin
    }

    private func neurons(_ input: ValueID, middle: Int, output: Int) -> UnitSite? {
        // What is computed once per sequence, as a pooler is, costs next to nothing.
        guard let origin = origin(ofColumns: input), graph[input].columnCount > 0,
            case .tokens = graph[input].rows
        else { return nil }
        return UnitSite(
            kind: .neurons, output: output, middle: middle,
            producers: origin.producers.map { (node: $0, rowsPerUnit: 1) },
            passed: origin.passed.filter { $0 != middle }.map { (node: $0, columnsPerUnit: 1) },
            columnsPerUnit: 1, unitCount: graph[input].columnCount)
    }

    /// Back through what treats each column alone.
    private func origin(ofColumns value: ValueID) -> Origin? {
        guard readerCounts[value] == 1, let maker = makers[value] else { return nil }
        let node = graph.nodes[maker]
        switch node.operation {
        case .linear:
            return isOwnProduct(maker) ? Origin(producers: [maker]) : nil
        case .activation, .multiply:
            var sum = Origin(producers: [])
            for input in node.inputs {
                guard let origin = origin(ofColumns: input) else { return nil }
                sum.producers += origin.producers
                sum.passed += origin.passed
            }
            sum.passed.append(maker)
            return sum
        default:
            return nil
        }
    }
}
