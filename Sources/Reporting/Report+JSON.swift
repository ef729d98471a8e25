import Evaluation
import ModelGraph

extension Report {
    /// The report as one JSON document.
    ///
    /// Units are in the names, shares are 0…1, what is not known is null.
    package var json: String {
        JSONText.object([
            ("format", .string("attenuate-comparison")),
            ("version", .integer(1)),
            ("task", .string(task.rawValue)),
            ("data", dataJSON),
            ("environment", environmentJSON),
            ("reference", referenceJSON),
            ("containers", .array(containers.map(containerJSON))),
            ("notes", .array(notes.map { .string($0) })),
        ]).rendered
    }

    private var dataJSON: JSONText {
        .object([
            ("file", .string(data.file)),
            ("examples", .integer(data.exampleCount)),
            ("labelled_examples", .integer(data.labelledCount)),
            ("truncated_examples", .integer(data.truncatedCount)),
            ("failed_lines", .integer(data.failedLineCount)),
        ])
    }

    private var environmentJSON: JSONText {
        .object([
            ("processor", .optional(environment.processor)),
            ("usable_cores", .integer(environment.usableProcessorCount)),
            ("threads", .integer(environment.threadCount)),
            ("isa", .string(environment.instructionSet)),
        ])
    }

    private var referenceJSON: JSONText {
        .object([
            ("file", .string(checkpoint.file)),
            ("family", .string(checkpoint.family)),
            ("weight_bytes", .integer(checkpoint.weightByteCount)),
            ("weights_sha256", .string(checkpoint.digest)),
            ("max_tokens", .integer(checkpoint.maximumTokens)),
            ("accuracy", .optional(referenceAccuracy)),
            ("benchmark", benchmarkJSON(referenceBenchmark)),
        ])
    }

    private func containerJSON(_ container: Container) -> JSONText {
        let metrics = container.metrics
        return .object([
            ("file", .string(container.facts.file)),
            ("bytes", .integer(container.facts.byteCount)),
            ("share_of_float", .optional(shareOfFloat(container))),
            ("content_sha256", .string(container.facts.digest)),
            ("source_sha256", .optional(container.facts.sourceDigest)),
            ("recipe", .optional(container.facts.recipe)),
            ("cosine_mean", .number(metrics.cosine.mean)),
            ("cosine_p5", .number(metrics.cosine.fifthPercentile)),
            ("cosine_min", .number(metrics.cosine.minimum)),
            ("max_abs_error", .number(metrics.maximumAbsoluteError)),
            ("mean_abs_error", .number(metrics.meanAbsoluteError)),
            ("decisions", decisionsJSON(metrics)),
            ("benchmark", benchmarkJSON(container.benchmark)),
        ])
    }

    private func decisionsJSON(_ metrics: OutputMetrics) -> JSONText {
        guard let decisions = metrics.decisions else { return .null }
        let difference = decisions.difference
        return .object([
            ("agreement", .optional(metrics.agreement)),
            ("accuracy", .optional(decisions.accuracy)),
            ("accuracy_difference", .optional(difference?.estimate)),
            ("accuracy_difference_ci95_low", .optional(difference?.interval.lowerBound)),
            ("accuracy_difference_ci95_high", .optional(difference?.interval.upperBound)),
            ("mean_divergence_nats", .number(decisions.meanDivergence)),
        ])
    }

    /// The members that `run-edge bench --json` prints.
    private func benchmarkJSON(_ benchmark: Benchmark?) -> JSONText {
        guard let benchmark else { return .null }
        return .object([
            ("isa", .string(benchmark.instructionSet)),
            ("threads", .integer(benchmark.threadCount)),
            ("load_ms", .number(benchmark.loadMilliseconds)),
            ("first_ms", .number(benchmark.firstMilliseconds)),
            ("rss_bytes", .integer(benchmark.peakResidentByteCount)),
            (
                "lengths",
                .array(
                    benchmark.lengths.map { length in
                        .object([
                            ("tokens", .integer(length.tokenCount)),
                            ("median_ms", .number(length.medianMilliseconds)),
                            ("min_ms", .number(length.minimumMilliseconds)),
                            ("p90_ms", .number(length.p90Milliseconds)),
                            ("p99_ms", .number(length.p99Milliseconds)),
                            ("runs", .integer(length.runCount)),
                            ("outputs_sha256", .optional(length.outputsDigest)),
                        ])
                    })
            ),
        ])
    }
}
