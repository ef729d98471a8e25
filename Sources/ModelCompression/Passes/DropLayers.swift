package import ModelGraph
import Tensors

/// Drops whole residual blocks, an attention or a feed-forward network each, that change the answers
/// least.
///
/// A block is what lies between a value and the residual addition that reads it again. One after
/// the other, the block goes whose absence, its mean output left in the place of the block, moves the
/// answers of the held-out sequences least; after each the others are judged anew. The exact ablation
/// takes the place of the block influence of Men et al. 2024 (arXiv 2403.03853), which compares a
/// block's input with its output and misleads where normalization follows the addition. The products
/// after it are then fitted to the original model (`UnitRemoval`).
///
/// Only the products and the attention of the block go; the normalization that follows stays, and so
/// does a bias: the mean of what the block added.
package struct DropLayers: CompressionPass {
    package static let name = "drop-layers"

    /// How many blocks go; a layer of an encoder has two.
    package var blocks = 1
    package var use = CalibrationUse.removal

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        var record = PassRecord(pass: Self.name)
        guard let data = context.calibration else { throw .needsCalibration(pass: Self.name) }
        let calibration = use.sequences(of: data)
        let importance = try use.importance(calibration, context)
        for round in 0..<blocks {
            let part = context.part(
                Double(round) / Double(blocks), Double(round + 1) / Double(blocks))
            let curves = try UnitCurves.measure(
                model, kinds: [.heads, .neurons], shares: [0], calibration: calibration,
                importance: importance, context: part.part(0, 0.5))
            let blocks = curves.filter {
                $0.points.last?.count == 0
                    && model.graph.residual(of: model.graph.nodes[$0.site.output]) != nil
            }
            guard
                let cheapest = blocks.min(by: {
                    ($0.points.last?.loss ?? 0) < ($1.points.last?.loss ?? 0)
                })
            else {
                record.notes.append("no more blocks can be dropped")
                break
            }
            // What an earlier round says of a product that is fitted again holds no longer.
            var found = PassRecord(pass: Self.name)
            try Self.removal.apply(
                [cheapest.name: .units([])], to: &model, context: part.part(0.5, 1),
                calibration: calibration, importance: importance, &found)
            let names = Set(found.outputs.map(\.name))
            record.outputs = record.outputs.filter { !names.contains($0.name) } + found.outputs
            record.changes += found.changes
            record.notes += found.notes
        }
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    private static let removal = UnitRemoval()
}

extension DropLayers: RecipePass {
    init(_ options: inout RecipeOptions) throws(RecipeError) {
        self.init()
        blocks = try options.integer("blocks", in: 1...4096, default: blocks)
        try use.read(&options)
    }
}

extension DropLayers {
    package var summary: String {
        "\(blocks) residual blocks go"
    }

    /// Which blocks go, and so how large they are, is known when the pass has run.
    package func estimate(_ size: inout SizeEstimate) {}
}
