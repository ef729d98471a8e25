import CommandLineSupport
import EdgeRuntime
import EdgeTokenizer
import Evaluation
import Foundation
import ModelGraph

/// `--eval`: the written container against the float model on labelled data.
struct EvaluationStep {
    private let data: EvaluationSet

    /// Reads the data, so that a mistake in it is told before the work begins.
    init(file: String) throws(Failure) {
        do {
            data = try EvaluationSet(file: file)
        } catch {
            throw Failure(error.description, .wrongUsage)
        }
    }

    func run(
        model: Model, tokenizer: Tokenizer?, checkpoint: String, container: String, threads: Int,
        progress: (Double) -> Void
    ) throws(Failure) -> EvaluationSummary {
        let result: Evaluation.ComparisonResult
        do {
            let candidate = try ContainerCandidate(
                file: container, container: ContainerCandidate.open(file: container),
                options: SessionOptions(threadCount: threads))
            result = try Comparison.run(
                reference: ReferenceCandidate(
                    file: checkpoint, model: model, threadCount: threads),
                containers: [candidate], data: data, referenceTokenizer: tokenizer
            ) { progress(Double($0) / Double(max(1, data.examples.count))) }
        } catch {
            throw Failure(error.description, error.isModelInvalid ? .invalidModel : .wrongUsage)
        }
        return EvaluationSummary(
            file: data.file, result: result, failures: data.failures + result.failures)
    }
}

/// What `--eval` found.
struct EvaluationSummary {
    let file: String
    let result: Evaluation.ComparisonResult
    let failures: [LineFailure]

    var text: String {
        guard let metrics = result.containers.first?.metrics else { return "" }
        var lines: [String] = []
        if let decisions = metrics.decisions {
            if result.labelledCount > 0 {
                let before = share(result.referenceCorrectCount, result.labelledCount)
                let after = share(decisions.correctCount, decisions.labelledCount)
                var line = "accuracy: \(before) before, \(after) after"
                if let difference = decisions.difference {
                    line += String(
                        format: " (%+.2f points, 95 %% interval %+.2f … %+.2f, %d examples)",
                        100 * difference.estimate, 100 * difference.interval.lowerBound,
                        100 * difference.interval.upperBound, difference.exampleCount)
                }
                lines.append(line)
            }
            lines.append(
                "same label as the float model: "
                    + share(decisions.agreementCount, metrics.exampleCount))
        }
        lines.append(
            String(
                format: "cosine to the float model: mean %.6f, minimum %.6f, %d examples",
                metrics.cosine.mean, metrics.cosine.minimum, metrics.exampleCount))
        for failure in failures { lines.append("\(file): \(failure)") }
        return lines.joined(separator: "\n") + "\n"
    }

    func write(to json: inout JSONWriter) {
        guard let metrics = result.containers.first?.metrics else {
            json.null()
            return
        }
        json.beginObject()
        json.key("data")
        json.string(file)
        json.key("examples")
        json.integer(metrics.exampleCount)
        json.key("failed_lines")
        json.integer(failures.count)
        json.key("cosine_mean")
        json.double(metrics.cosine.mean)
        json.key("cosine_minimum")
        json.double(metrics.cosine.minimum)
        if let decisions = metrics.decisions {
            json.key("agreement")
            json.double(Double(decisions.agreementCount) / Double(max(1, metrics.exampleCount)))
            if result.labelledCount > 0 {
                json.key("accuracy_before")
                json.double(
                    Double(result.referenceCorrectCount) / Double(result.labelledCount))
                json.key("accuracy_after")
                json.double(
                    Double(decisions.correctCount) / Double(max(1, decisions.labelledCount)))
            }
        }
        json.endObject()
    }

    private func share(_ count: Int, _ total: Int) -> String {
        String(format: "%.2f %%", 100 * Double(count) / Double(max(1, total)))
    }
}
