import Checkpoints
import Glibc

/// Recipes from mild to strong, for a search to choose among.
///
/// The mildest is the one that is given. Stronger ones have another `keep` in its pass `shrink`, which
/// is put in front if there is none, and another `step` and `table_step` in its last `quantize`.
///
/// The presets lie on one ladder: `int8` is its mild end, `small` has coarser steps, `fast` keeps half
/// of the work, and `tiny` has both. Between them the options are those of the preset of that kind.
package struct RecipeLadder: Sendable {
    /// Largest step: beyond it, most weights are zero.
    private static let largestStep = 1.0
    /// Smallest share of the heads' and neurons' work.
    private static let smallestKeep = 0.05

    private let start: Recipe
    private let isPreset: Bool
    private let startStep: Double
    private let startKeep: Double
    private let startTableStep: Double?
    private let hasStep: Bool
    private let canShrink: Bool

    /// - Parameter canShrink: Whether there is calibration data, which `shrink` needs.
    /// - Throws: `noGrid` for a recipe without the pass `quantize`.
    package init(from start: Recipe, canShrink: Bool = true) throws(RecipeLadderError) {
        self.start = start
        self.canShrink = canShrink
        isPreset = Recipe.presets.contains { $0.json == start.json }
        guard let quantize = start.passes.last(where: { $0 is QuantizeWeights }) as? QuantizeWeights
        else { throw .noGrid(recipe: start.name) }
        startStep = Self.step(of: quantize)
        startTableStep = quantize.tableStep
        hasStep = quantize.step != nil
        startKeep = (start.passes.first { $0 is ShrinkLayers } as? ShrinkLayers)?.keep ?? 1
    }

    package var space: StrengthSpace {
        StrengthSpace(
            steps: startStep...max(startStep, Self.largestStep),
            keeps: (canShrink ? min(startKeep, Self.smallestKeep) : startKeep)...startKeep)
    }

    /// Whether the grid is the one that the given recipe has without a step of its own.
    package func isFinest(_ strength: RecipeStrength) -> Bool {
        !hasStep && strength.step == startStep
    }

    /// The recipe of this strength, which lies in `space`.
    package func recipe(_ strength: RecipeStrength) throws(RecipeError) -> Recipe {
        if strength.step == startStep && strength.keep == startKeep { return start }
        let base = isPreset ? preset(strength) : start
        var passes = try base.passObjects()
        if let index = passes.firstIndex(where: { $0["pass"]?.string == ShrinkLayers.name }) {
            passes[index] = passes[index].setting("keep", to: .double(strength.keep))
        } else if strength.keep != startKeep {
            var shrink = JSONObject()
            _ = shrink.append("pass", .string(ShrinkLayers.name))
            _ = shrink.append("keep", .double(strength.keep))
            passes.insert(shrink, at: 0)
        }
        if isPreset ? !Self.isFine(strength) : strength.step != startStep,
            let index = passes.lastIndex(where: { $0["pass"]?.string == QuantizeWeights.name })
        {
            passes[index] = passes[index]
                .setting("step", to: .double(strength.step))
                .setting("table_step", to: .double(tableStep(strength.step)))
        }
        var object = JSONObject()
        _ = object.append("name", .string(isPreset ? "budget" : "\(start.name), for a budget"))
        _ = object.append("passes", .array(passes.map { .object($0) }))
        return try Recipe(parsing: Array(JSONValue.object(object).compactText.utf8), name: "budget")
    }

    /// The preset whose options suit the strength.
    private func preset(_ strength: RecipeStrength) -> Recipe {
        let isFine = Self.isFine(strength)
        return strength.keep == 1 ? (isFine ? .int8 : .small) : (isFine ? .fast : .tiny)
    }

    /// Whether the grid is that of all codes, without a step of its own.
    private static func isFine(_ strength: RecipeStrength) -> Bool {
        strength.step <= step(of: QuantizeWeights())
    }

    /// The step of a grid whose largest code the largest weight of a row has, which is about three
    /// standard deviations out.
    private static func step(of quantize: QuantizeWeights) -> Double {
        quantize.step ?? 3 / Double(quantize.limit)
    }

    /// In proportion to the step where a recipe has its own, else on the line in logarithms through
    /// the steps of `small` and `tiny`, which were found by trying: 0.39 at 0.137, 0.64 at 0.25.
    private func tableStep(_ step: Double) -> Double {
        var table = 2 * pow(step, 0.82)
        if !isPreset, let own = startTableStep { table = own * step / startStep }
        return (min(2, max(0.01, table)) * 1000).rounded() / 1000
    }
}

/// Why no recipes can be made from one.
package enum RecipeLadderError: Error, Equatable {
    /// There is no pass `quantize`, whose step could be varied.
    case noGrid(recipe: String)
}

extension RecipeLadderError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noGrid(let recipe):
            "the recipe '\(recipe)' has no pass 'quantize', whose steps a budget varies"
        }
    }
}
