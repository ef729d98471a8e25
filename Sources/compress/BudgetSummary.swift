import CommandLineSupport
import Foundation
import ModelCompression

/// What a search for a budget tried, and what it chose.
struct BudgetSummary {
    let budget: Budget
    let outcome: BudgetSearch.Outcome
    let ladder: RecipeLadder
    let measurement: CandidateMeasurement

    private var chosen: BudgetCandidate { outcome.candidates[outcome.best] }
    var isMet: Bool { chosen.isWithinBudget }

    /// What is told of a candidate.
    static func figures(_ candidate: BudgetCandidate, of ladder: RecipeLadder) -> [String] {
        var figures = ["step \(step(candidate, of: ladder))"]
        if candidate.strength.keep < 1 {
            figures.append(String(format: "keep %.2f", candidate.strength.keep))
        }
        figures.append("\(candidate.facts.byteCount) bytes")
        if let time = candidate.facts.milliseconds { figures.append(milliseconds(time)) }
        if let drop = candidate.facts.drop { figures.append("drop \(percent(drop))") }
        return figures
    }

    /// The step; in words where the recipe that the search began with has none of its own.
    private static func step(_ candidate: BudgetCandidate, of ladder: RecipeLadder) -> String {
        ladder.isFinest(candidate.strength) ? "finest" : "\(candidate.strength.step)"
    }

    private static func milliseconds(_ value: Double) -> String {
        String(format: value < 1 ? "%.3f ms" : "%.2f ms", value)
    }

    private static func percent(_ share: Double) -> String {
        // Adding 0 takes the sign from −0.
        share.isNaN ? "unknown" : String(format: "%.2f %%", 100 * share + 0)
    }

    var text: String {
        var header = ["", "step", "keep", "bytes"]
        if budget.milliseconds != nil { header.append("time") }
        if budget.drop != nil { header.append("drop") }
        header.append("distance")
        var rows = [header]
        for (index, candidate) in outcome.candidates.enumerated() {
            var row = [
                index == outcome.best ? "*" : "", Self.step(candidate, of: ladder),
                String(format: "%.2f", candidate.strength.keep), "\(candidate.facts.byteCount)",
            ]
            if let time = candidate.facts.milliseconds { row.append(Self.milliseconds(time)) }
            if let drop = candidate.facts.drop { row.append(Self.percent(drop)) }
            row.append(
                candidate.facts.answerDistance.map { String(format: "%.3g", $0) } ?? "unknown")
            rows.append(row)
        }
        let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { row in
            zip(row, widths).map { cell, width in
                String(repeating: " ", count: width - cell.count) + cell
            }.joined(separator: "  ")
        }
        if let tokens = measurement.tokenCount {
            lines.append("time: median of one run of \(tokens) tokens on this machine")
        }
        if budget.drop != nil { lines.append("drop: \(dropMeaning)") }
        if let coarseness { lines.append(coarseness) }
        lines += messages
        return lines.joined(separator: "\n") + "\n"
    }

    private var dropMeaning: String {
        let inputs = "\(measurement.exampleCount) calibration inputs that no pass saw"
        return switch measurement.basis {
        case .labels: "of the accuracy on \(inputs)"
        case .agreement:
            "share of other labels than the float model's on \(inputs), which have no labels; "
                + "the accuracy drops by no more"
        case .cosine: "1 − mean cosine to the float model on \(inputs)"
        }
    }

    /// What is said where a single answer is more than the drop that is allowed.
    private var coarseness: String? {
        let smallest = 1 / Double(max(1, measurement.exampleCount))
        guard let drop = budget.drop, measurement.basis != .cosine, drop < smallest else {
            return nil
        }
        return "one input is \(Self.percent(smallest)): smaller drops need more calibration data"
    }

    /// Whether the budget was met, and by how much it was missed.
    private var messages: [String] {
        if isMet { return ["the budget is met"] }
        return chosen.misses.map { miss in
            let over =
                miss.relative.isFinite
                ? String(format: " (%.1f %% over)", 100 * (miss.found / miss.limit - 1)) : ""
            return switch miss.target {
            case .byteCount:
                "budget missed: \(Int(miss.found)) bytes, \(Int(miss.found - miss.limit)) more "
                    + "than --target-size \(Int(miss.limit))\(over)"
            case .milliseconds:
                "budget missed: \(Self.milliseconds(miss.found)), "
                    + "\(Self.milliseconds(miss.found - miss.limit)) more than --target-latency "
                    + "\(Self.milliseconds(miss.limit))\(over)"
            case .drop:
                miss.found.isNaN
                    ? "budget missed: the drop is unknown, since some answers are no numbers"
                    : "budget missed: a drop of \(Self.percent(miss.found)), "
                        + "\(Self.points(miss.found - miss.limit)) points more than --max-drop "
                        + "\(Self.percent(miss.limit))"
            }
        }
    }

    private static func points(_ share: Double) -> String {
        String(format: "%.2f", 100 * share)
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.key("met")
        json.bool(isMet)
        json.key("targets")
        json.beginObject()
        if let bytes = budget.byteCount {
            json.key("bytes")
            json.integer(bytes)
        }
        if let time = budget.milliseconds {
            json.key("milliseconds")
            json.double(time)
        }
        if let drop = budget.drop {
            json.key("drop")
            json.double(drop)
        }
        json.endObject()
        if let tokens = measurement.tokenCount {
            json.key("latency_tokens")
            json.integer(tokens)
        }
        if budget.drop != nil {
            json.key("drop_of")
            json.string(measurement.basis.rawValue)
            json.key("judged_inputs")
            json.integer(measurement.exampleCount)
        }
        json.key("missed")
        json.beginArray()
        for miss in chosen.misses { write(miss, to: &json) }
        json.endArray()
        json.key("chosen")
        json.integer(outcome.best)
        json.key("candidates")
        json.beginArray()
        for candidate in outcome.candidates { write(candidate, to: &json) }
        json.endArray()
        json.endObject()
    }

    private func write(_ miss: Budget.Miss, to json: inout JSONWriter) {
        json.beginObject()
        json.key("target")
        switch miss.target {
        case .byteCount: json.string("bytes")
        case .milliseconds: json.string("milliseconds")
        case .drop: json.string("drop")
        }
        json.key("limit")
        json.double(miss.limit)
        json.key("found")
        json.numberOrNull(miss.found)
        json.key("over")
        json.numberOrNull(miss.found - miss.limit)
        json.endObject()
    }

    private func write(_ candidate: BudgetCandidate, to json: inout JSONWriter) {
        json.beginObject()
        json.key("step")
        json.numberOrNull(ladder.isFinest(candidate.strength) ? .nan : candidate.strength.step)
        json.key("keep")
        json.double(candidate.strength.keep)
        json.key("bytes")
        json.integer(candidate.facts.byteCount)
        if let time = candidate.facts.milliseconds {
            json.key("milliseconds")
            json.numberOrNull(time)
        }
        if let drop = candidate.facts.drop {
            json.key("drop")
            json.numberOrNull(drop)
        }
        if let distance = candidate.facts.answerDistance {
            json.key("answer_distance")
            json.numberOrNull(distance)
        }
        json.key("met")
        json.bool(candidate.isWithinBudget)
        json.endObject()
    }
}

extension JSONWriter {
    /// `null` for what JSON cannot write.
    fileprivate mutating func numberOrNull(_ value: Double) {
        if value.isFinite { double(value) } else { null() }
    }
}
