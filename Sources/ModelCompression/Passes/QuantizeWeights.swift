import Checkpoints
import Foundation
package import ModelGraph
import Tensors

/// Quantizes weight matrices to integers of at most 8 bits with one scale per row, or to 4 bits with a
/// multiplier for each 32 inputs besides.
///
/// Site by site (products that read one value), with the quantized prefix in front:
///
/// 1. smoothing: range moves from the activations to the weights (`Smoothing`);
/// 2. the scale of each row, narrowed where clipping pays (`ClipSearch`);
/// 3. codes that make up for each other's errors (`GPTQRounding`, then `CoordinateDescent`);
/// 4. a bias that keeps the mean of each output where the original model has it.
///
/// Codes lie in −limit…limit, never beyond ±127; smaller limits cost fewer bits in the file and
/// run as fast. The device multiplies them with activations that it quantizes asymmetrically to 8
/// bits, in the range of each row or in one that is fixed here, and computes attention on 8-bit
/// codes as well (formats/container.md, "Arithmetic").
///
/// What was fitted is kept only where it lessens the error on held-out sequences; elsewhere a
/// product gets the nearest codes. Without calibration data, sequences of random tokens stand in,
/// and only what is robust to them is done: smoothing and nearest codes.
///
/// Left in float: vectors as they are, and the tables of positions and token types, whose few
/// kilobytes are not worth the error of 8 bits: every token adds them up. They are rounded to
/// float16, which is 40 dB more exact than the codes beside them. So is a product whose error would
/// stand out from all others.
///
/// Not for models whose accuracy hangs on single weights far outside the rest of their row.
package struct QuantizeWeights: CompressionPass {
    package static let name = "quantize"

    package enum Rounding: String, Sendable, CaseIterable {
        case nearest
        case gptq
    }

    package enum Allocation: String, Sendable, CaseIterable {
        /// Every product gets the same step.
        case uniform
        /// Products whose error costs the answers less get larger ones.
        case sensitivity
    }

    /// What the codes of a product's input span.
    package enum Activations: String, Sendable, CaseIterable {
        /// The range of each row, which the device finds while it runs.
        case dynamic
        /// One range for all rows, found beforehand (`StaticRange`).
        case `static`
    }

    package enum SmoothingChoice: Equatable, Sendable {
        case search
        /// 0 for none.
        case exponent(Float)
    }

    /// Bits of a code of linear layers in memory: 8, or 4 with a multiplier for each 32 inputs
    /// (`CodeGrid.groups`).
    package var bits = 8
    /// Largest code of linear layers, 1…127; of codes of 8 bits.
    package var limit = 127
    /// Largest code of the token table.
    package var tableLimit = 127
    /// Distance of neighbouring weights in parts of the root mean square of the matrix, the same in
    /// all its rows, unless a row needs more to stay within the limit.
    ///
    /// Nil: each row's largest weight gets the largest code. A common distance costs the fewest bits
    /// in the file for its error.
    package var step: Double?
    package var tableStep: Double?
    /// Whether the products share the bits that `step` costs by what they lose (`StepAllocation`).
    package var allocation = Allocation.uniform
    /// How much a bit in the file may cost in error: 0 rounds without regard to the file, 1 is the
    /// exchange rate of fine grids (`CodeCosts`).
    package var rate = 0.0
    package var rounding = Rounding.gptq
    package var smoothing = SmoothingChoice.search
    package var activations = Activations.dynamic
    package var clips = true
    /// Sweeps of coordinate descent after the rounding.
    package var sweeps = 2
    package var correctsBias = true
    /// Ridge of a least-squares fit of the float weights to the original outputs, given the
    /// compressed inputs, before they are rounded (`RidgeFit`); 0 for none.
    package var realignment = 0.0
    /// A product is left in float16 if its relative output error is this many times the median's.
    package var outlierFactor = 30.0
    package var use = CalibrationUse.rounding

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        if activations == .static, context.calibration == nil {
            throw .optionNeedsCalibration(
                pass: Self.name, option: "activations", value: "static", instead: "dynamic")
        }
        var record = PassRecord(pass: Self.name)
        // First, because the codes of the products make up for errors that come from the tables.
        try quantizeTables(of: &model, &record)
        let before = model
        let sites = Self.sitesOfFloats(model)
        if !sites.isEmpty {
            let prepared = try preparation(sites, model, context)
            let sweeping = context.part(prepared.steps.isEmpty ? 0 : 0.5, 1)
            if allocation == .sensitivity { record.notes.append(Self.note(on: prepared.steps)) }
            let tables = record
            let outliers = try quantize(
                sites, of: &model, prepared, sweeping, leaving: [], &record)
            if !outliers.isEmpty {
                // What these would have cost is in all that came after them; done again without.
                model = before
                var second = tables
                second.notes += outliers.map {
                    "\($0): left in 16 bits, its error stands out from the others'"
                }
                record = second
                _ = try quantize(
                    sites, of: &model, prepared, sweeping, leaving: Set(outliers), &record)
            }
            Self.quantizeAttention(of: &model)
        }
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    /// The smallest and the largest of the steps that were shared out.
    private static func note(on steps: [String: Double]) -> String {
        let ordered = steps.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        guard let first = ordered.first, let last = ordered.last else {
            return "all products get the same step: "
                + "sharing it out needs 'step' and calibration data"
        }
        func told(_ step: (key: String, value: Double)) -> String {
            "\((step.value * 1000).rounded() / 1000) (\(step.key))"
        }
        return "steps by sensitivity from \(told(first)) to \(told(last))"
    }

    /// The sites without the products that have codes already.
    private static func sitesOfFloats(_ model: Model) -> [LinearSite] {
        LinearSite.sites(of: model.graph).compactMap { site in
            let nodes = site.nodes.filter { index in
                guard let linear = model.graph.linear(at: index) else { return false }
                if case .quantizedRows? = model.parameters[linear.weight]?.storage { return false }
                return model.graph.isChangeable(index)
            }
            return nodes.isEmpty ? nil : LinearSite(input: site.input, nodes: nodes)
        }
    }

    private static func quantizeAttention(of model: inout Model) {
        for index in model.graph.nodes.indices {
            if case .attention(var attention) = model.graph.nodes[index].operation {
                attention.arithmetic = .int8
                model.graph.nodes[index].operation = .attention(attention)
            }
        }
    }
}
