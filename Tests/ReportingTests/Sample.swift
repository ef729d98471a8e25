import Evaluation
import ModelGraph
import Reporting

/// A report with figures that are easy to recognise.
enum Sample {
    static let digest = String(repeating: "ab", count: 32)

    static let classifier = Report(
        checkpoint: CheckpointFacts(
            file: "topics", family: "bert", task: .classify, weightByteCount: 45_000_000,
            maximumTokens: 512, digest: String(repeating: "0", count: 64)),
        data: Report.DataSet(
            file: "data.jsonl", exampleCount: 200, labelledCount: 100, truncatedCount: 3,
            failedLineCount: 1),
        environment: Report.Environment(
            processor: "N100", usableProcessorCount: 4, threadCount: 1, instructionSet: "avx2"),
        referenceCorrectCount: 80,
        referenceBenchmark: benchmark("float32", median: 6),
        containers: [
            Report.Container(
                facts: facts("a_b|c.atn", byteCount: 9_000_000),
                metrics: OutputMetrics(
                    exampleCount: 200,
                    cosine: .init(mean: 0.9995, minimum: 0.99, fifthPercentile: 0.9975),
                    maximumAbsoluteError: 0.25, meanAbsoluteError: 0.0125,
                    decisions: .init(
                        agreementCount: 190, meanDivergence: 0.002, labelledCount: 100,
                        correctCount: 76,
                        difference: PairedDifference(
                            exampleCount: 100, onlyReferenceCorrect: 5, onlyCandidateCorrect: 1))),
                benchmark: benchmark("avx2", median: 1.5)),
            Report.Container(
                facts: facts("none.atn", byteCount: 22_500_000),
                metrics: OutputMetrics(
                    exampleCount: 200,
                    cosine: .init(mean: 1, minimum: 1, fifthPercentile: 1),
                    maximumAbsoluteError: 0, meanAbsoluteError: 0,
                    decisions: .init(
                        agreementCount: 200, meanDivergence: 0, labelledCount: 100,
                        correctCount: 80,
                        difference: PairedDifference(
                            exampleCount: 100, onlyReferenceCorrect: 0, onlyCandidateCorrect: 0))),
                benchmark: nil),
        ],
        notes: ["A note."])

    static func facts(
        _ file: String, byteCount: Int, sourceDigest: String? = nil
    ) -> ContainerFacts {
        ContainerFacts(
            file: file, byteCount: byteCount, digest: digest, sourceDigest: sourceDigest,
            recipe: "{\"name\":\"int8\"}", taskName: "classify")
    }

    static func benchmark(_ instructionSet: String, median: Double) -> Benchmark {
        Benchmark(
            instructionSet: instructionSet, threadCount: 1, loadMilliseconds: 12.5,
            firstMilliseconds: 2.25, peakResidentByteCount: 31_500_000,
            lengths: [
                Benchmark.Length(
                    tokenCount: 16, medianMilliseconds: median, minimumMilliseconds: median / 2,
                    p90Milliseconds: median * 2, p99Milliseconds: median * 3, runCount: 500,
                    outputsDigest: instructionSet == "float32" ? nil : digest)
            ])
    }
}
