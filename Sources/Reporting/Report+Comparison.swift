package import Evaluation
import ModelGraph

extension Report {
    /// Makes the report of a comparison.
    ///
    /// - Parameters:
    ///   - containers: One for each container of the comparison, in its order.
    ///   - benchmarks: As many; nil where it was not measured.
    ///   - problems: Why something was not measured, one sentence each.
    package init(
        _ result: ComparisonResult, checkpoint: CheckpointFacts, containers: [ContainerFacts],
        data: EvaluationSet, environment: Environment, referenceBenchmark: Benchmark?,
        benchmarks: [Benchmark?], problems: [String]
    ) {
        self.init(
            checkpoint: checkpoint,
            data: DataSet(
                file: data.file, exampleCount: result.exampleCount,
                labelledCount: result.labelledCount, truncatedCount: result.truncatedCount,
                failedLineCount: data.failures.count + result.failures.count),
            environment: environment, referenceCorrectCount: result.referenceCorrectCount,
            referenceBenchmark: referenceBenchmark,
            containers: zip(zip(containers, result.containers), benchmarks).map { pair, benchmark in
                Container(facts: pair.0, metrics: pair.1.metrics, benchmark: benchmark)
            },
            notes: [])
        notes = problems + inferredNotes
    }

    /// What the figures do not tell.
    private var inferredNotes: [String] {
        var notes: [String] = []
        for container in containers {
            guard let source = container.facts.sourceDigest, source != checkpoint.digest else {
                continue
            }
            notes.append(
                "\(container.facts.file) was made of other weights than those of "
                    + "\(checkpoint.file): it records the SHA-256 \(source).")
        }
        if data.failedLineCount > 0 {
            notes.append(
                "\(data.failedLineCount) lines of \(data.file) could not be used; "
                    + "no figure includes them.")
        }
        if data.truncatedCount > 0 {
            notes.append(
                "\(data.truncatedCount) of \(data.exampleCount) examples were cut to the "
                    + "\(checkpoint.maximumTokens) tokens that the model takes.")
        }
        switch task {
        case .classify: notes += accuracyNotes
        case .embed, .generate, .raw:
            notes.append(
                "The cosine says how close the outputs are to the float original, not how well "
                    + "either does its task; that is not known.")
        }
        if referenceBenchmark != nil {
            notes.append(
                "The latency and memory of the float original are those of the float executor "
                    + "of this program, which is not tuned for speed.")
        }
        if referenceBenchmark != nil || containers.contains(where: { $0.benchmark != nil }) {
            notes.append(
                "Latency and memory were measured on this machine; on another device they are "
                    + "not known.")
        }
        return notes
    }

    private var accuracyNotes: [String] {
        if data.labelledCount == 0 {
            return ["No example has a label, so the accuracy is not known."]
        }
        var notes: [String] = []
        if data.labelledCount < data.exampleCount {
            notes.append(
                "The accuracy is about the \(data.labelledCount) of \(data.exampleCount) "
                    + "examples that have a label.")
        }
        for container in containers {
            guard let difference = container.metrics.decisions?.difference,
                difference.estimate != 0, difference.interval.contains(0)
            else { continue }
            notes.append(
                "\(container.facts.file): with \(data.labelledCount) labelled examples, its "
                    + "difference in accuracy to the float original may be chance; the 95 % "
                    + "interval contains 0.")
        }
        return notes
    }
}
