import Foundation
import ModelGraph
import Tensors

/// The token table: thinner rows and a product behind them.
extension Factorize {
    /// Rows of a table that are widened at a time.
    private static let blockRows = 1024

    func factorizeTables(
        of model: inout Model, rank: Int, _ calibration: CalibrationSet,
        _ record: inout PassRecord
    ) throws(CompressionError) {
        for node in model.graph.nodes {
            guard case .embedding(let terms) = node.operation else { continue }
            let tokenTerms = terms.filter { $0.index == .tokenIDs }
            guard let term = tokenTerms.first, let parameter = model.parameters[term.table] else {
                continue
            }
            let shape = parameter.shape
            if case .quantizedRows = parameter.storage {
                record.notes.append("\(term.table): left whole, its weights are codes")
                continue
            }
            let readers = model.graph.nodes.reduce(0) { count, node in
                count + node.operation.parameterNames.count { $0 == term.table }
            }
            guard tokenTerms.count == 1, readers == 1 else {
                record.notes.append("\(term.table): left whole, it is read in several places")
                continue
            }
            guard rank < shape[1], pays(rank: rank, outputs: shape[0], inputs: shape[1]) else {
                record.notes.append(
                    "\(term.table): left whole, rank \(rank) would save too little of "
                        + "\(shape[0])×\(shape[1])")
                continue
            }
            try factorize(node, terms, term, rank: rank, calibration, &model, &record)
        }
    }

    private func factorize(
        _ node: Node, _ terms: [EmbeddingTerm], _ term: EmbeddingTerm, rank: Int,
        _ calibration: CalibrationSet, _ model: inout Model, _ record: inout PassRecord
    ) throws(CompressionError) {
        guard let parameter = model.parameters[term.table] else { return }
        var moments = SymmetricMatrix(size: parameter.shape[1])
        var invalid = 0
        try forEachBlock(of: parameter, in: model) { block, _ in
            invalid += block.nonFiniteCount
            block.withRows(0..<block.rowCount) {
                MatrixProduct.addMoments(ofRows: $0, to: &moments)
            }
        }
        guard invalid == 0 else { throw .notFinite(tensor: term.table, count: invalid) }
        guard let decomposition = TableDecomposition(moments: moments) else {
            record.notes.append("\(term.table): left whole, it has no decomposition")
            return
        }
        let (projection, weight) = decomposition.factors(rank: rank)
        var rows: [Float] = []
        rows.reserveCapacity(parameter.shape[0] * rank)
        var error = 0.0
        var rowErrors: [Double] = []
        var failure: TensorError?
        try forEachBlock(of: parameter, in: model) { block, _ in
            do throws(TensorError) {
                let thin = try MatrixProduct.linear(block, weight: projection)
                rows += thin.values
                let again = try MatrixProduct.linear(thin, weight: weight)
                for row in 0..<block.rowCount {
                    let error = block.selectingRows([row]).squaredDistance(
                        to: again.selectingRows([row]))
                    rowErrors.append(error)
                }
                error += block.squaredDistance(to: again)
            } catch {
                failure = error
            }
        }
        if let failure { throw .model(.tensor(node: node.name, failure)) }
        record.changes.append(
            TensorChange(
                name: term.table, bytesBefore: model.bytesInCheckpoint(of: parameter),
                bytesAfter: 4 * rows.count, signalEnergy: decomposition.energy,
                errorEnergy: error))
        let held = calibration.sequences[
            calibration.heldOut.isEmpty ? 0..<calibration.fittedCount : calibration.heldOut
        ].flatMap(\.ids).map { Int($0) }.filter { rowErrors.indices.contains($0) }
        record.outputs.append(
            OutputChange(
                name: node.name, signalEnergy: try signal(of: held, parameter, in: model),
                errorBefore: 0, errorAfter: held.reduce(0) { $0 + rowErrors[$1] }))
        record.notes.append(
            "\(term.table): rank \(rank) of \(parameter.shape[1]), keeps "
                + String(
                    format: "%.2f",
                    100 * (1 - decomposition.lostEnergy(rank: rank) / decomposition.energy))
                + " % of the table's energy")
        model.parameters[term.table] = Parameter(
            shape: [parameter.shape[0], rank],
            storage: .dense(Tensor(shape: [parameter.shape[0], rank], values: rows)))
        let weightName = node.name + ".up.weight"
        record.changes.append(
            TensorChange(
                name: weightName, bytesBefore: 0, bytesAfter: 4 * weight.elementCount,
                signalEnergy: weight.meanSquare * Double(weight.elementCount), errorEnergy: 0))
        model.parameters[weightName] = Parameter(shape: weight.shape, storage: .dense(weight))
        Self.split(node, terms, term, rank: rank, weight: weightName, &model.graph)
    }

    /// What the tokens of some sequences get from a table, as the energy of the deviations from
    /// their mean.
    private func signal(
        of tokens: [Int], _ parameter: Parameter, in model: Model
    ) throws(CompressionError) -> Double {
        let counts = Dictionary(tokens.map { ($0, 1.0) }, uniquingKeysWith: +)
        var sums = [Double](repeating: 0, count: parameter.shape[1])
        var squares = 0.0
        for (token, count) in counts.sorted(by: { $0.key < $1.key }) {
            do {
                let row = try parameter.floats(in: model.checkpoint, rows: token..<token + 1)
                for (column, value) in row.values.enumerated() {
                    sums[column] += count * Double(value)
                    squares += count * Double(value) * Double(value)
                }
            } catch {
                throw .model(error)
            }
        }
        let total = Double(max(1, tokens.count))
        return squares - sums.reduce(0) { $0 + $1 * $1 } / total
    }

    private func forEachBlock(
        of parameter: Parameter, in model: Model, _ body: (Tensor, Range<Int>) -> Void
    ) throws(CompressionError) {
        for first in stride(from: 0, to: parameter.shape[0], by: Self.blockRows) {
            let range = first..<min(parameter.shape[0], first + Self.blockRows)
            do {
                body(try parameter.floats(in: model.checkpoint, rows: range), range)
            } catch {
                throw .model(error)
            }
        }
    }

    /// Puts a lookup, a product and, where there are other tables, their sum in the place of an
    /// embedding, which keeps its name and its value.
    private static func split(
        _ node: Node, _ terms: [EmbeddingTerm], _ term: EmbeddingTerm, rank: Int, weight: String,
        _ graph: inout Graph
    ) {
        guard let position = graph.nodes.firstIndex(where: { $0.output == node.output }) else {
            return
        }
        func value(_ suffix: String, columns: Int) -> ValueID {
            graph.values.append(
                Value(name: node.name + suffix, rows: .tokens, columnCount: columns))
            return ValueID(graph.values.count - 1)
        }
        let columns = graph[node.output].columnCount
        let others = terms.filter { $0.index != .tokenIDs }
        let thin = value(".down", columns: rank)
        var nodes = [
            Node(name: node.name + ".down", operation: .embedding([term]), inputs: [], output: thin)
        ]
        let product = Operation.linear(Linear(weight: weight, bias: nil))
        if others.isEmpty {
            nodes.append(
                Node(name: node.name, operation: product, inputs: [thin], output: node.output))
        } else {
            let up = value(".up", columns: columns)
            let rest = value(".others", columns: columns)
            nodes += [
                Node(name: node.name + ".up", operation: product, inputs: [thin], output: up),
                Node(
                    name: node.name + ".others", operation: .embedding(others), inputs: [],
                    output: rest),
                Node(name: node.name, operation: .add, inputs: [up, rest], output: node.output),
            ]
        }
        graph.nodes.replaceSubrange(position...position, with: nodes)
    }
}
