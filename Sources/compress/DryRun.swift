import Checkpoints
import CommandLineSupport
import Foundation
import ModelCompression
import ModelGraph

/// `--dry-run`: what a recipe would do, with nothing computed and nothing written.
struct DryRun {
    private struct Step {
        let pass: String
        let summary: String
        /// Bytes after the pass, about.
        let byteCount: Int
    }

    private let recipe: Recipe
    private let loaded: LoadedCheckpoint
    private let before: Int
    private let steps: [Step]
    /// Whether the recipe is the first one of a search for a budget.
    private let isSearch: Bool

    init(_ recipe: Recipe, _ loaded: LoadedCheckpoint, isSearch: Bool) {
        self.recipe = recipe
        self.isSearch = isSearch
        self.loaded = loaded
        var estimate = SizeEstimate(loaded.model)
        before = estimate.byteCount
        let tokenizerBytes = loaded.tokenizer?.count ?? 0
        steps = recipe.passes.map { pass in
            pass.estimate(&estimate)
            return Step(
                pass: type(of: pass).name, summary: pass.summary,
                byteCount: estimate.byteCount + tokenizerBytes)
        }
    }

    func output(asJSON: Bool) -> [UInt8] {
        asJSON ? json : Array(text.utf8)
    }

    private var text: String {
        var lines = [
            "recipe '\(recipe.name)' on \(loaded.checkpoint.path): "
                + "\(loaded.model.graph.nodes.count) operations, weights of \(before) bytes"
        ]
        for step in steps {
            lines.append("  \(step.pass): \(step.summary); about \(step.byteCount) bytes")
        }
        if steps.isEmpty { lines.append("  no pass: the weights stay as they are") }
        if isSearch {
            lines.append(
                "the search for the budget would begin with this and try at most "
                    + "\(BudgetSearch.candidateLimit) recipes")
        }
        lines.append("nothing was written")
        return lines.joined(separator: "\n") + "\n"
    }

    private var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("recipe")
        json.string(recipe.name)
        if isSearch {
            json.key("recipes_at_most")
            json.integer(BudgetSearch.candidateLimit)
        }
        json.key("weight_bytes")
        json.integer(before)
        json.key("passes")
        json.beginArray()
        for step in steps {
            json.beginObject()
            json.key("pass")
            json.string(step.pass)
            json.key("summary")
            json.string(step.summary)
            json.key("expected_bytes")
            json.integer(step.byteCount)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + [0x0a]
    }
}
