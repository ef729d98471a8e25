import EdgeRuntime
import ModelGraph
import Testing

@testable import Evaluation

/// Answers from a table by the first token id; a text has one token for each byte.
private final class Oracle: TokenizingCandidate {
    let file: String
    let task: ModelTask
    let labels: [String]
    let answers: [Int32: [Float]]
    let maximumTokens: Int
    /// Added to every byte, as by a tokenizer that lacks tokens.
    let offset: Int32

    var hasTrimmedTokenizer: Bool { offset != 0 }

    init(
        _ file: String, task: ModelTask = .classify, labels: [String] = ["no", "yes"],
        maximumTokens: Int = 4, answers: [Int32: [Float]] = [:], offset: Int32 = 0
    ) {
        self.offset = offset
        self.file = file
        self.task = task
        self.labels = labels
        self.maximumTokens = maximumTokens
        self.answers = answers
    }

    func encode(_ text: [UInt8], pair: [UInt8]?) throws(CandidateError) -> TokenSequence {
        TokenSequence(
            ids: text.prefix(maximumTokens).map { Int32($0) + offset },
            isTruncated: text.count > maximumTokens)
    }

    func output(for input: TokenSequence) throws(CandidateError) -> [Float] {
        guard let answer = answers[input.ids[0]] else {
            throw .input(.container(file: file, .emptyInput))
        }
        return answer
    }
}

@Suite struct ComparisonTests {
    private func data(_ text: String) throws -> EvaluationSet {
        try Array(text.utf8).withUnsafeBytes {
            try EvaluationSet(file: "data", bytes: $0, format: .jsonLines)
        }
    }

    private let reference = Oracle("float", answers: [1: [2, 1], 2: [0, 3], 0x61: [1, 0]])

    /// A container that lacks tokens reads its own, and the reference those of the others.
    @Test func trimmedContainersReadTheirOwnTokens() throws {
        let trimmed = Oracle("trimmed.atn", answers: [0x62: [0, 1]], offset: 1)
        let whole = Oracle("whole.atn", answers: reference.answers)
        let data = try data(#"{"text": "abcdef", "label": "no"}"#)
        let result = try Comparison.run(
            reference: reference, containers: [trimmed, whole], data: data)
        #expect(result.referenceCorrectCount == 1)
        #expect(result.containers.map { $0.metrics.decisions?.agreementCount } == [0, 1])
        // Alone, there is nobody else to ask.
        #expect(throws: EvaluationError.self) {
            try Comparison.run(reference: reference, containers: [trimmed], data: data)
        }
    }

    @Test func metricsAreThoseOfEachContainer() throws {
        let same = Oracle("same.atn", answers: reference.answers)
        let wrong = Oracle("wrong.atn", answers: [1: [1, 2], 2: [0, 3], 0x61: [1, 0]])
        var progress: [Int] = []
        let result = try Comparison.run(
            reference: reference, containers: [same, wrong],
            data: try data(
                """
                {"ids": [1], "label": "no"}
                {"ids": [2], "label": "no"}
                {"text": "abcdef"}
                """)
        ) { progress.append($0) }
        #expect(progress == [1, 2, 3])
        #expect(result.exampleCount == 3)
        #expect(result.truncatedCount == 1)
        #expect(result.labelledCount == 2)
        #expect(result.referenceCorrectCount == 1)
        #expect(result.outputCount == 2)
        #expect(result.failures.isEmpty)
        #expect(result.containers.map(\.file) == ["same.atn", "wrong.atn"])
        #expect(result.containers[0].metrics.cosine.minimum >= 1 - 1e-15)
        #expect(result.containers[0].metrics.decisions?.agreementCount == 3)
        #expect(isClose(result.containers[1].metrics.cosine.minimum, 0.8))
        #expect(result.containers[1].metrics.decisions?.agreementCount == 2)
        #expect(result.containers[1].metrics.decisions?.correctCount == 0)
        #expect(
            result.containers[1].metrics.decisions?.difference
                == PairedDifference(
                    exampleCount: 2, onlyReferenceCorrect: 1, onlyCandidateCorrect: 0))
    }

    @Test func exampleThatOneModelRefusesCountsForNone() throws {
        let full = Oracle("full.atn", answers: reference.answers)
        let partial = Oracle("partial.atn", answers: [1: [2, 1]])
        let result = try Comparison.run(
            reference: reference, containers: [full, partial],
            data: try data("{\"ids\": [1]}\n{\"ids\": [2]}"))
        #expect(result.containers.map(\.metrics.exampleCount) == [1, 1])
        #expect(
            result.failures == [
                LineFailure(
                    line: 2, problem: .container(file: "partial.atn", .emptyInput))
            ])
    }

    @Test func unknownLabelsAreFailures() throws {
        let result = try Comparison.run(
            reference: reference, containers: [Oracle("a.atn", answers: reference.answers)],
            data: try data("{\"ids\": [1], \"label\": \"No\"}\n{\"ids\": [1]}"))
        #expect(
            result.failures == [
                LineFailure(line: 1, problem: .unknownLabel("No", known: ["no", "yes"]))
            ])
    }

    @Test func labelsMeanNothingToAnEmbedder() throws {
        let answers: [Int32: [Float]] = [1: [1, 2, 3]]
        let result = try Comparison.run(
            reference: Oracle("float", task: .embed, labels: [], answers: answers),
            containers: [Oracle("a.atn", task: .embed, labels: [], answers: answers)],
            data: try data("{\"ids\": [1], \"label\": \"any\"}"))
        #expect(result.labelledCount == 0)
        #expect(result.containers[0].metrics.decisions == nil)
    }

    @Test func outputsThatAreNotFiniteAreFailures() throws {
        let broken = Oracle("a.atn", answers: [1: [.nan, 1], 2: [0, 3]])
        let result = try Comparison.run(
            reference: reference, containers: [broken],
            data: try data("{\"ids\": [1]}\n{\"ids\": [2]}"))
        #expect(result.failures == [LineFailure(line: 1, problem: .notFinite(file: "a.atn"))])
    }

    @Test func nothingUsableIsAnError() throws {
        let data = try data("{\"ids\": [9]}")
        #expect(
            throws: EvaluationError.noExamples(
                file: "data",
                first: LineFailure(
                    line: 1, problem: .container(file: "float", .emptyInput)))
        ) { try Comparison.run(reference: reference, containers: [reference], data: data) }
    }

    @Test func modelsThatDoNotBelongTogetherAreRefused() throws {
        func run(_ containers: Oracle...) throws {
            _ = try Comparison.run(
                reference: reference, containers: containers,
                data: try data("{\"text\": \"abcdef\"}"))
        }
        #expect(
            throws: EvaluationError.tasksDiffer(
                file: "a.atn", task: .embed, otherFile: "float", otherTask: .classify)
        ) { try run(Oracle("a.atn", task: .embed)) }
        #expect(throws: EvaluationError.labelsDiffer(file: "a.atn", otherFile: "float")) {
            try run(Oracle("a.atn", labels: ["yes", "no"]))
        }
        #expect(
            throws: EvaluationError.tokenizersDiffer(file: "b.atn", otherFile: "a.atn", line: 1)
        ) { try run(Oracle("a.atn"), Oracle("b.atn", maximumTokens: 3)) }
        #expect(
            throws: EvaluationError.outputSizesDiffer(
                file: "a.atn", count: 3, otherFile: "float", otherCount: 2, line: 1)
        ) { try run(Oracle("a.atn", answers: [0x61: [1, 2, 3]])) }
        #expect(throws: EvaluationError.outputMissing(file: "a.atn", task: .classify)) {
            try run(Oracle("a.atn", answers: [0x61: []]))
        }
    }
}
