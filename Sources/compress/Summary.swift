import Checkpoints
import CommandLineSupport
import EdgeFormat
import Foundation
import ModelCompression
import ModelGraph
import Packaging

/// What `compress` did, as a table or as JSON.
struct Summary {
    /// Tensors whose names differ only in numbers.
    struct Group {
        let name: String
        var count = 0
        var bytesBefore = 0
        var bytesStored = 0
        var changes: [TensorChange] = []
    }

    let compressed: CompressedModel
    let written: WrittenContainer
    let checkpointBytes: Int
    let path: String
    let output: String
    let bundles: [BundleStep.Result]
    /// What the search for a budget found, if there is one.
    let budget: BudgetSummary?
    /// What `--eval` found, if it was asked for.
    let evaluation: EvaluationSummary?
    let seconds: Double
    let groups: [Group]

    init(
        _ compressed: CompressedModel, written: WrittenContainer, checkpoint: Checkpoint,
        budget: BudgetSummary?, evaluation: EvaluationSummary?, path: String, output: String,
        bundles: [BundleStep.Result], seconds: Double
    ) {
        self.compressed = compressed
        self.written = written
        self.path = path
        self.output = output
        self.bundles = bundles
        self.budget = budget
        self.evaluation = evaluation
        self.seconds = seconds
        checkpointBytes = checkpoint.weightFiles.reduce(0) { $0 + $1.byteCount }
        groups = Self.groups(compressed, written)
    }

    private static func groups(
        _ compressed: CompressedModel, _ written: WrittenContainer
    ) -> [Group] {
        let changes = Dictionary(
            compressed.records.flatMap(\.changes).map { ($0.name, $0) },
            uniquingKeysWith: { $1.following($0) })
        var groups: [String: Group] = [:]
        for entry in written.entries {
            // Scales and multipliers count with the codes that they belong to.
            var name = entry.name
            let codes = [".scales", ".multipliers"].first { name.hasSuffix($0) }.map {
                String(name.dropLast($0.count))
            }
            let isScale = codes.map { changes[$0] != nil } ?? false
            if isScale, let codes { name = codes }
            let key = pattern(of: name)
            var group = groups[key] ?? Group(name: key)
            group.bytesStored += entry.storedByteCount
            if !isScale {
                group.count += 1
                if let change = changes[name] {
                    group.changes.append(change)
                    group.bytesBefore += change.bytesBefore
                } else {
                    group.bytesBefore += bytesBefore(name, compressed.model) ?? entry.rawByteCount
                }
            }
            groups[key] = group
        }
        return groups.values.sorted {
            ($1.bytesStored, $0.name) < ($0.bytesStored, $1.name)
        }
    }

    /// Bytes of a weight that no pass changed; nil for what is not a weight.
    private static func bytesBefore(_ name: String, _ model: Model) -> Int? {
        model.parameters[name]?.checkpointByteCount
    }

    /// The name with every number replaced by `*`.
    private static func pattern(of name: String) -> String {
        name.split(separator: ".", omittingEmptySubsequences: false).map { part in
            !part.isEmpty && part.allSatisfy(\.isNumber) ? "*" : String(part)
        }.joined(separator: ".")
    }

    var text: String {
        var rows = [["tensors", "count", "bytes before", "bytes after", "signal to noise"]]
        for group in groups {
            rows.append([
                group.name, "\(group.count)", "\(group.bytesBefore)", "\(group.bytesStored)",
                decibels(group.changes),
            ])
        }
        let before = groups.reduce(0) { $0 + $1.bytesBefore }
        let after = groups.reduce(0) { $0 + $1.bytesStored }
        rows.append([
            "total", "\(groups.reduce(0) { $0 + $1.count })", "\(before)", "\(after)",
            decibels(groups.flatMap(\.changes)),
        ])
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { row in
            row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }
        for record in compressed.records {
            if record.changedNothing { lines.append("pass '\(record.pass)' changed nothing") }
            lines += errors(of: record)
            lines += record.notes.map { "\(record.pass): \($0)" }
        }
        if !written.unusedTensors.isEmpty {
            lines.append("left out, since nothing reads it: " + unused)
        }
        let share = 100 * Double(written.byteCount) / Double(max(1, checkpointBytes))
        lines.append(
            "\(output): \(written.byteCount) bytes, "
                + "\(String(format: "%.1f", share)) % of \(path), "
                + "\(String(format: "%.2f", seconds)) s")
        lines += bundles.map { "\($0.path): \($0.byteCount) bytes, runs on \($0.architecture)" }
        return lines.joined(separator: "\n") + "\n" + (budget?.text ?? "")
            + (evaluation?.text ?? "")
    }

    /// What was left out, names that differ only in numbers together.
    private var unused: String {
        var patterns: [String] = []
        for name in written.unusedTensors {
            let pattern = Self.pattern(of: name)
            if !patterns.contains(pattern) { patterns.append(pattern) }
        }
        return patterns.joined(separator: ", ")
    }

    /// What a pass did to the outputs of products and to the answers.
    private func errors(of record: PassRecord) -> [String] {
        var lines: [String] = []
        let sorted = record.outputs.sorted { $0.relativeError < $1.relativeError }
        if let worst = sorted.last {
            let median = sorted[sorted.count / 2].relativeError
            lines.append(
                String(
                    format: "%@: output error of the products, median %.3g, largest %.3g in %@",
                    record.pass, median, worst.relativeError, worst.name))
        }
        if let distance = record.answerDistance {
            let measure =
                switch compressed.model.task {
                case .classify: "divergence from the original's labels"
                case .embed: "1 − cosine to the original"
                case .generate: "divergence from the original's next tokens"
                case .raw: "error in parts of the signal"
                }
            lines.append(
                String(
                    format: "%@: answers to held-out calibration sequences, %@ %.3g", record.pass,
                    measure, distance))
        }
        return lines
    }

    private func decibels(_ changes: [TensorChange]) -> String {
        guard changes.contains(where: { $0.errorEnergy > 0 }) else { return "exact" }
        return String(format: "%.1f dB", changes.signalToNoiseRatio)
    }

    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("checkpoint")
        json.string(path)
        json.key("checkpoint_bytes")
        json.integer(checkpointBytes)
        json.key("output")
        json.string(output)
        json.key("output_bytes")
        json.integer(written.byteCount)
        json.key("content_sha256")
        json.string(hexadecimal(written.contentDigest))
        json.key("recipe")
        json.string(compressed.recipe.name)
        json.key("bundles")
        json.beginArray()
        for bundle in bundles {
            json.beginObject()
            json.key("architecture")
            json.string(bundle.architecture)
            json.key("path")
            json.string(bundle.path)
            json.key("bytes")
            json.integer(bundle.byteCount)
            json.endObject()
        }
        json.endArray()
        json.key("seconds")
        json.double(seconds)
        if let budget {
            json.key("budget")
            budget.write(to: &json)
        }
        if let evaluation {
            json.key("evaluation")
            evaluation.write(to: &json)
        }
        json.key("groups")
        json.beginArray()
        for group in groups {
            json.beginObject()
            json.key("tensors")
            json.string(group.name)
            json.key("count")
            json.integer(group.count)
            json.key("bytes_before")
            json.integer(group.bytesBefore)
            json.key("bytes_after")
            json.integer(group.bytesStored)
            json.key("signal_to_noise_db")
            if !group.changes.contains(where: { $0.errorEnergy > 0 }) {
                json.null()
            } else {
                json.double(group.changes.signalToNoiseRatio)
            }
            json.endObject()
        }
        json.endArray()
        json.key("left_out")
        json.beginArray()
        for name in written.unusedTensors { json.string(name) }
        json.endArray()
        json.key("passes")
        json.beginArray()
        for record in compressed.records {
            json.beginObject()
            json.key("pass")
            json.string(record.pass)
            json.key("tensors_changed")
            json.integer(record.changes.count)
            json.key("seconds")
            json.double(record.seconds)
            if let distance = record.answerDistance {
                json.key("answer_distance")
                json.double(distance)
            }
            json.key("outputs")
            json.beginArray()
            for output in record.outputs {
                json.beginObject()
                json.key("product")
                json.string(output.name)
                json.key("relative_error_before")
                json.double(output.errorBefore / max(output.signalEnergy, .leastNormalMagnitude))
                json.key("relative_error_after")
                json.double(output.relativeError)
                json.endObject()
            }
            json.endArray()
            json.key("notes")
            json.beginArray()
            for note in record.notes { json.string(note) }
            json.endArray()
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + [0x0a]
    }
}
