package import ModelGraph
import Tensors

/// Sets the least important weights of linear layers to zero, for the sake of a smaller file.
///
/// | method | score of w[i,j] | the others |
/// |---|---|---|
/// | `magnitude` | abs(w) among all weights of a matrix | stay |
/// | `wanda` | abs(w) · ‖x[j]‖ among the weights of a row | stay |
/// | `sparsegpt` | w² / U[j,j]² among those of a span of inputs | make up for the loss |
///
/// Han et al. 2015 (arXiv 1506.02626); Sun et al. 2023 (arXiv 2306.11695); Frantar and Alistarh
/// 2023 (arXiv 2301.00774).
///
/// With calibration data, the products are pruned in the order of execution, each for what the
/// pruned ones before it compute; the weights that are left are fitted to the original output
/// (`MaskedRefit`), and the bias keeps its mean. Held-out sequences decide whether that or plain
/// magnitude is kept. Without data there is only magnitude.
///
/// Zeros save bytes in the file, not time: the kernels are dense. Quantization after this pass keeps
/// the zeros. Products that see one row per sequence, as poolers and classifiers do, stay whole: few
/// weights, and few rows to fit them to.
///
/// Not for models that are mostly embedding table, which only `table_sparsity` touches.
package struct PruneWeights: CompressionPass {
    package static let name = "prune"

    package enum Method: String, Sendable, CaseIterable {
        case magnitude
        case wanda
        case sparsegpt
    }

    package enum Allocation: String, Sendable, CaseIterable {
        /// Every product gets the same sparsity.
        case uniform
        /// Products whose output suffers less get more.
        case sensitivity
    }

    package var method = Method.sparsegpt
    /// Share of the weights of linear layers that becomes zero, 0…1; a pattern of groups has its
    /// own.
    package var sparsity = 0.5
    var pattern = SparsityPattern.unstructured
    package var allocation = Allocation.uniform
    /// How far a product's sparsity may lie from the mean with `sensitivity`.
    package var reach = 0.15
    /// Share of each row of the token table that becomes zero, the smallest first.
    package var tableSparsity = 0.0
    /// Ridge of the fit of the weights that are left; 0 for none.
    package var refit = 0.1
    package var correctsBias = true
    package var use = CalibrationUse.pruning

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        var record = PassRecord(pass: Self.name)
        // First, because the products make up for what the tables lose.
        try pruneTables(of: &model, &record)
        let sites = prunableSites(of: model, &record)
        if sparsity > 0, !sites.isEmpty {
            if let calibration = context.calibration, !calibration.isSynthetic {
                try prune(sites, of: &model, calibration, context, &record)
            } else if method != .magnitude {
                throw .optionNeedsCalibration(
                    pass: Self.name, option: "method", value: method.rawValue, instead: "magnitude")
            } else if allocation != .uniform {
                throw .optionNeedsCalibration(
                    pass: Self.name, option: "allocation", value: allocation.rawValue,
                    instead: "uniform")
            } else {
                try prune(sites, of: &model, context, &record)
            }
        }
        if !record.changedNothing {
            record.notes.append("zeros make the file smaller, not the products faster")
        }
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    /// The sites of the products that the pass prunes.
    private func prunableSites(of model: Model, _ record: inout PassRecord) -> [LinearSite] {
        var (single, quantized, shared) = ([String](), [String](), [String]())
        let sites = LinearSite.sites(of: model.graph).map { site in
            LinearSite(
                input: site.input,
                nodes: site.nodes.filter { index in
                    guard let linear = model.graph.linear(at: index) else { return false }
                    let name = model.graph.nodes[index].name
                    guard model.graph.isChangeable(index) else {
                        let operation = model.graph.nodes[index].operation
                        let isFirst = !model.graph.nodes[..<index].contains {
                            $0.operation == operation
                        }
                        if isFirst { shared.append(name) }
                        return false
                    }
                    guard case .tokens = model.graph[site.input].rows else {
                        single.append(name)
                        return false
                    }
                    if case .quantizedRows? = model.parameters[linear.weight]?.storage {
                        quantized.append(name)
                        return false
                    }
                    return true
                })
        }
        if sparsity > 0, !single.isEmpty {
            record.notes.append(
                "\(single.joined(separator: ", ")): left whole, computed once per sequence")
        }
        if sparsity > 0, !shared.isEmpty {
            record.notes.append(
                "\(shared.joined(separator: ", ")): left whole, weights are read elsewhere, too")
        }
        if sparsity > 0, !quantized.isEmpty {
            record.notes.append(
                "\(quantized.joined(separator: ", ")): left whole, quantized before")
        }
        return sites.filter { !$0.nodes.isEmpty }
    }

    /// What magnitude leaves of a weight, `[outputs, inputs]`.
    static func magnitude(
        _ weight: Tensor, _ pattern: SparsityPattern, sparsity: Double
    ) -> [Float] {
        PruningMask(
            scores: weight.values.map(\.magnitude), columnCount: weight.columnCount,
            pattern: pattern, sparsity: sparsity, scope: .matrix
        ).apply(to: weight.values)
    }

    /// What Wanda leaves of a weight, `[outputs, inputs]`.
    ///
    /// - Parameter squares: Σ x[j]² over the calibration rows.
    static func wanda(
        _ weight: Tensor, squares: [Double], _ pattern: SparsityPattern, sparsity: Double
    ) -> [Float] {
        let norms = squares.map { Float($0.squareRoot()) }
        let scores = weight.values.enumerated().map { index, value in
            value.magnitude * norms[index % norms.count]
        }
        return PruningMask(
            scores: scores, columnCount: weight.columnCount, pattern: pattern, sparsity: sparsity,
            scope: .row
        ).apply(to: weight.values)
    }
}
