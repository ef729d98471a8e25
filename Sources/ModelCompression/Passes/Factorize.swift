package import ModelGraph
import Tensors

/// Replaces a product by two thinner ones, W·x ≈ A·(B·x), and the token table by a thinner one and a
/// product.
///
/// Product by product, with the compressed prefix in front: of all factors of a rank those are taken
/// that lose least of the outputs on the calibration sequences (`WhitenedDecomposition`), and the
/// bias keeps the mean of each output where the original model has it. What is lost is exactly the
/// energy of the singular values that are cut off.
///
/// A product costs outputs · inputs weights and as many multiply-accumulates for each token, its
/// factors rank · (outputs + inputs); where that saves too little, the product stays whole. The
/// product "x" becomes "x.down" and "x", so what comes out of it keeps its name.
///
/// The token table T `[vocabulary, columns]` becomes A `[vocabulary, rank]`, whose rows are looked up,
/// and a product Bᵀ `[columns, rank]` behind it; tables of positions and types are added there. The
/// energy of T that is cut off is lost evenly for all tokens (`TableDecomposition`).
///
/// Trained matrices are rarely of low rank: it pays where outputs are, as in late layers and in wide
/// feed-forward networks. Not in front of passes that drop heads or neurons.
package struct Factorize: CompressionPass {
    package static let name = "factorize"

    /// What decides the rank of a product.
    package enum Target: Equatable, Sendable {
        case rank(Int)
        /// Share of the output's variance that is kept, in 0…1.
        case energy(Double)
        /// Weights of the factors in parts of those of the product, in 0…1.
        case keep(Double)
    }

    package var target = Target.energy(0.99)
    /// Names of products, or how they begin or end; nil for all.
    package var products: [String]?
    /// Columns of the factorized token table; nil leaves it whole.
    package var tableRank: Int?
    /// Ranks that follow from an energy or a share are multiples of this, as kernels like it.
    package var multiple = 16
    /// The factors may have this share of the weights that the product has, at most.
    package var margin = 0.9
    /// What is added to the diagonal of the moments, in parts of its mean.
    package var damping = 0.001
    /// Ridge of a least-squares fit of the weights to what the original model has, given the
    /// compressed inputs, before they are factorized (`RidgeFit`); 0 for none.
    package var realignment = 0.1
    package var use = CalibrationUse.rounding

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        var record = PassRecord(pass: Self.name)
        let calibration = use.sequences(
            of: context.calibration ?? .synthetic(for: model))
        if calibration.isSynthetic {
            record.notes.append("no calibration data: ranks and factors suit random tokens")
        }
        if let tableRank {
            try factorizeTables(of: &model, rank: tableRank, calibration, &record)
        }
        try factorizeProducts(of: &model, calibration, context, &record)
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    /// Whether the pass is asked to factorize a product.
    func isWanted(_ name: String) -> Bool {
        products?.contains { name.hasPrefix($0) || name.hasSuffix($0) } ?? true
    }

    /// The rank of a product, at most what its size allows.
    func rank(of decomposition: WhitenedDecomposition) -> Int {
        let (outputs, inputs) = (decomposition.outputs, decomposition.inputs)
        let most = min(outputs, inputs)
        switch target {
        case .rank(let rank):
            return min(rank, most)
        case .energy(let share):
            let rank = decomposition.rank(keeping: share)
            return min(most, (rank + multiple - 1) / multiple * multiple)
        case .keep:
            return rank(outputs: outputs, inputs: inputs)
        }
    }

    /// The rank with which factors have the share of the weights that is to be kept.
    func rank(outputs: Int, inputs: Int) -> Int {
        guard case .keep(let share) = target else { return min(outputs, inputs) }
        let rank = Int(share * Double(outputs * inputs) / Double(max(1, outputs + inputs)))
        return min(outputs, inputs, max(1, rank < multiple ? rank : rank / multiple * multiple))
    }

    /// Whether factors have few enough weights.
    func pays(rank: Int, outputs: Int, inputs: Int) -> Bool {
        Double(rank * (outputs + inputs)) < margin * Double(outputs * inputs)
    }
}
