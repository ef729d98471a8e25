import AtomicFiles
import CommandLineSupport
import Foundation
import ModelCompression
import ModelGraph
import Packaging

/// Searches for a recipe that keeps a budget, and writes the best container of those it tried.
struct BudgetStep {
    /// A candidate whose container is still there.
    private struct Made {
        let candidate: BudgetCandidate
        let compressed: CompressedModel
        let written: WrittenContainer
        let file: TemporaryFile
    }

    private let step: CompressionStep
    private let ladder: RecipeLadder
    private let measurement: CandidateMeasurement
    private let budget: Budget

    init(
        _ budget: Budget, from recipe: Recipe, step: CompressionStep,
        measurement: CandidateMeasurement
    ) throws(Failure) {
        self.step = step
        self.measurement = measurement
        self.budget = budget
        ladder = try Self.ladder(from: recipe, canShrink: step.calibration != nil)
    }

    static func ladder(from recipe: Recipe, canShrink: Bool) throws(Failure) -> RecipeLadder {
        do {
            return try RecipeLadder(from: recipe, canShrink: canShrink)
        } catch {
            throw Failure(error.description, .wrongUsage)
        }
    }

    /// Tries candidates and writes the best one to `output`.
    ///
    /// - Parameter told: Is told of each candidate after it was measured.
    func run(
        output: String, progress: @escaping (String, Double) -> Void, told: (String) -> Void
    ) throws(Failure) -> (CompressedModel, WrittenContainer, BudgetSummary) {
        let search = Self.search(budget, ladder, step.loaded)
        var best: Made?
        // What the passes before `quantize` left, for the next candidate that has the same ones.
        var beginning: CompressedModel?
        let outcome = try search.run { strength, index throws(Failure) in
            let name = "candidate \(index + 1) of at most \(BudgetSearch.candidateLimit)"
            let progress: (String, Double) -> Void = { progress("\(name), \($0)", $1) }
            let recipe = try Self.wrap { () throws(RecipeError) in try ladder.recipe(strength) }
            let first = try Self.wrap { () throws(RecipeError) in
                try recipe.beginning(before: QuantizeWeights.name)
            }
            if beginning?.recipe.json != first.json {
                beginning = nil
                beginning = try step.compress(first, progress: progress)
            }
            let compressed = try step.compress(recipe, continuing: beginning, progress: progress)
            let file = TemporaryFile(beside: output)
            let written = try step.write(compressed, to: file.path, output: output) {
                progress("write", $0)
            }
            let facts = CandidateFacts(
                byteCount: written.byteCount,
                milliseconds: try measurement.milliseconds(file.path),
                drop: try measurement.drop(file.path) { progress("compare answers", $0) },
                answerDistance: compressed.records.last?.answerDistance)
            let candidate = BudgetCandidate(strength, facts, budget: budget)
            told("\(name): \(BudgetSummary.figures(candidate, of: ladder).joined(separator: ", "))")
            if best.map({ candidate.isBetter(than: $0.candidate, for: budget) }) ?? true {
                best = Made(
                    candidate: candidate, compressed: compressed, written: written, file: file)
            }
            return facts
        }
        guard let best else { preconditionFailure("a search has one candidate at least") }
        do {
            try best.file.move()
        } catch {
            throw Failure("\(output): \(error.description)", .invalidModel)
        }
        let summary = BudgetSummary(
            budget: budget, outcome: outcome, ladder: ladder, measurement: measurement)
        return (best.compressed, best.written, summary)
    }

    /// The recipe that a search would begin with.
    static func firstRecipe(
        _ budget: Budget, from recipe: Recipe, loaded: LoadedCheckpoint
    ) throws(Failure) -> Recipe {
        let ladder = try Self.ladder(from: recipe, canShrink: false)
        let first = search(budget, ladder, loaded).first
        return try wrap { () throws(RecipeError) in try ladder.recipe(first) }
    }

    private static func search(
        _ budget: Budget, _ ladder: RecipeLadder, _ loaded: LoadedCheckpoint
    ) -> BudgetSearch {
        BudgetSearch(budget, in: ladder.space) { strength in
            guard let recipe = try? ladder.recipe(strength) else { return 0 }
            var size = SizeEstimate(loaded.model)
            for pass in recipe.passes { pass.estimate(&size) }
            return Double(size.byteCount + (loaded.tokenizer?.count ?? 0))
        }
    }

    private static func wrap<Result>(
        _ body: () throws(RecipeError) -> Result
    ) throws(Failure) -> Result {
        do {
            return try body()
        } catch {
            throw Failure("\(error)", .wrongUsage)
        }
    }
}
