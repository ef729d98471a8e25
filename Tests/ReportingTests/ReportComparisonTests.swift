import Evaluation
import Foundation
import ModelGraph
import Testing

@testable import Reporting

/// Answers every input with the same numbers.
private final class Constant: TokenizingCandidate {
    let file: String
    let task: ModelTask
    let answer: [Float]

    init(_ file: String, _ task: ModelTask, _ answer: [Float]) {
        self.file = file
        self.task = task
        self.answer = answer
    }

    var labels: [String] { task == .classify ? ["no", "yes"] : [] }

    func encode(_ text: [UInt8], pair: [UInt8]?) throws(CandidateError) -> TokenSequence {
        TokenSequence(ids: [1], isTruncated: text.count > 8)
    }

    func output(for input: TokenSequence) throws(CandidateError) -> [Float] { answer }
}

@Suite struct ReportComparisonTests {
    private func report(
        _ text: String, task: ModelTask = .classify, sourceDigest: String? = nil,
        isMeasured: Bool = false, problems: [String] = []
    ) throws -> Report {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("attenuate-\(UUID().uuidString).jsonl").path
        try ReportFile.write(text, to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let data = try EvaluationSet(file: path)
        let result = try Comparison.run(
            reference: Constant("float", task, [2, 1]),
            containers: [Constant("a.atn", task, [1, 2])], data: data)
        let benchmark = isMeasured ? Sample.benchmark("avx2", median: 2) : nil
        return Report(
            result,
            checkpoint: CheckpointFacts(
                file: "float", family: "bert", task: task, weightByteCount: 0,
                maximumTokens: 8, digest: "00"),
            containers: [Sample.facts("a.atn", byteCount: 10, sourceDigest: sourceDigest)],
            data: data, environment: Sample.classifier.environment,
            referenceBenchmark: benchmark, benchmarks: [benchmark], problems: problems)
    }

    @Test func figuresAreThoseOfTheComparison() throws {
        let report = try report(
            """
            {"text": "one", "label": "no"}
            {"text": "two", "label": "yes"}
            {"text": "three", "label": "no"}
            {"text": "a longer text"}
            {"text": "x", "label": "maybe"}
            {}
            """)
        #expect(report.data.exampleCount == 4)
        #expect(report.data.labelledCount == 3)
        #expect(report.data.truncatedCount == 1)
        #expect(report.data.failedLineCount == 2)
        #expect(report.referenceCorrectCount == 2)
        #expect(report.containers[0].metrics.decisions?.correctCount == 1)
        #expect(report.shareOfFloat(report.containers[0]) == nil)
        let notes = report.notes.joined(separator: "\n")
        #expect(notes.contains("2 lines of"))
        #expect(notes.contains("1 of 4 examples were cut to the 8 tokens"))
        #expect(notes.contains("about the 3 of 4 examples that have a label"))
        #expect(notes.contains("may be chance"))
        #expect(!notes.contains("latency"))
    }

    @Test func differencesThatAreNoChanceCarryNoDoubt() throws {
        let lines = String(repeating: "{\"text\": \"a\", \"label\": \"no\"}\n", count: 50)
        let report = try report(lines)
        #expect(!report.notes.contains { $0.contains("chance") })
    }

    @Test func equalAccuraciesAreNoDifference() throws {
        let report = try report(
            """
            {"text": "a", "label": "no"}
            {"text": "a", "label": "yes"}
            """)
        #expect(report.containers[0].metrics.decisions?.correctCount == 1)
        #expect(!report.notes.contains { $0.contains("chance") })
    }

    @Test func missingLabelsAreSaid() throws {
        let report = try report("{\"text\": \"a\"}")
        #expect(report.notes == ["No example has a label, so the accuracy is not known."])
    }

    @Test func cosinesAreNotCalledAccuracy() throws {
        let report = try report("{\"text\": \"a\"}", task: .embed)
        #expect(report.notes.count == 1)
        #expect(report.notes[0].hasPrefix("The cosine says how close the outputs are"))
        #expect(!report.markdown.contains("Decisions"))
    }

    @Test func otherWeightsAreSaid() throws {
        #expect(
            try report("{\"text\": \"a\"}", sourceDigest: "11").notes[0]
                == "a.atn was made of other weights than those of float: "
                + "it records the SHA-256 11.")
        #expect(try report("{\"text\": \"a\"}", sourceDigest: "00").notes.count == 1)
    }

    @Test func measurementsCarryTheirLimits() throws {
        let report = try report("{\"text\": \"a\"}", isMeasured: true, problems: ["First."])
        #expect(report.notes.first == "First.")
        #expect(report.notes.contains { $0.contains("not tuned for speed") })
        #expect(report.notes.contains { $0.contains("on another device") })
    }
}
