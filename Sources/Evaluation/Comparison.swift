package import EdgeTokenizer
import ModelGraph

/// Runs the reference and containers on the same examples.
///
/// Outputs live only as long as their example. An example that one of the models does not accept
/// counts for none of them, so that all figures are about the same examples.
package struct Comparison {
    private let reference: any Candidate
    private let containers: [any TokenizingCandidate]
    private let data: EvaluationSet
    private let referenceTokenizer: Tokenizer?
    private let labelIndices: [String: Int]

    /// Compares containers with a reference.
    ///
    /// A container whose tokenizer leaves tokens out reads texts as that cuts them; all others must
    /// cut them alike.
    ///
    /// - Parameters:
    ///   - referenceTokenizer: How the reference reads texts; nil: as the containers whose tokenizer
    ///     is whole do, or the first one if there is none.
    ///   - progress: Called with the number of examples done after each.
    /// - Throws: If containers do not belong to the reference or to each other, one of them is
    ///   damaged, or no example can be used.
    package static func run(
        reference: any Candidate, containers: [any TokenizingCandidate], data: EvaluationSet,
        referenceTokenizer: Tokenizer? = nil, progress: (Int) -> Void = { _ in }
    ) throws(EvaluationError) -> ComparisonResult {
        let comparison = try Comparison(reference, containers, data, referenceTokenizer)
        return try comparison.result(progress)
    }

    private init(
        _ reference: any Candidate, _ containers: [any TokenizingCandidate],
        _ data: EvaluationSet, _ referenceTokenizer: Tokenizer?
    ) throws(EvaluationError) {
        for container in containers {
            guard container.task == reference.task else {
                throw .tasksDiffer(
                    file: container.file, task: container.task, otherFile: reference.file,
                    otherTask: reference.task)
            }
            guard container.labels == reference.labels else {
                throw .labelsDiffer(file: container.file, otherFile: reference.file)
            }
        }
        self.reference = reference
        self.containers = containers
        self.data = data
        self.referenceTokenizer = referenceTokenizer
        // The first of equal names, as everywhere the first of equals is preferred.
        labelIndices = Dictionary(
            reference.labels.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private func result(_ progress: (Int) -> Void) throws(EvaluationError) -> ComparisonResult {
        let isClassifier = reference.task == .classify
        var accumulators = containers.map { _ in
            OutputMetricsAccumulator(isClassifier: isClassifier)
        }
        var failures: [LineFailure] = []
        var outputCount = 0
        var truncatedCount = 0
        var labelledCount = 0
        var correctCount = 0
        for (index, example) in data.examples.enumerated() {
            defer { progress(index + 1) }
            let answer: Answer
            do throws(CandidateError) {
                answer = try self.answer(to: example)
            } catch {
                switch error {
                case .input(let problem):
                    failures.append(LineFailure(line: example.line, problem: problem))
                    continue
                case .candidate(let error):
                    throw error
                }
            }
            for index in containers.indices {
                accumulators[index].add(
                    reference: answer.reference, candidate: answer.containers[index],
                    label: answer.label)
            }
            if outputCount == 0 { outputCount = answer.reference.count }
            if answer.isTruncated { truncatedCount += 1 }
            guard let label = answer.label else { continue }
            labelledCount += 1
            if preferredLabel(answer.reference) == label { correctCount += 1 }
        }
        guard failures.count < data.examples.count else {
            throw .noExamples(file: data.file, first: failures.first)
        }
        return ComparisonResult(
            task: reference.task, outputCount: outputCount,
            exampleCount: data.examples.count - failures.count, truncatedCount: truncatedCount,
            labelledCount: labelledCount, referenceCorrectCount: correctCount,
            containers: zip(containers, accumulators).compactMap { container, accumulator in
                accumulator.metrics.map { .init(file: container.file, metrics: $0) }
            },
            failures: failures)
    }

    private struct Answer {
        let reference: [Float]
        let containers: [[Float]]
        let label: Int?
        let isTruncated: Bool
    }

    private func answer(to example: EvaluationExample) throws(CandidateError) -> Answer {
        let label = try labelIndex(of: example)
        let input = try tokens(of: example)
        let expected = try output(of: reference, for: input.reference)
        var outputs: [[Float]] = []
        for (container, tokens) in zip(containers, input.containers) {
            let found = try output(of: container, for: tokens)
            guard found.count == expected.count else {
                throw .candidate(
                    .outputSizesDiffer(
                        file: container.file, count: found.count, otherFile: reference.file,
                        otherCount: expected.count, line: example.line))
            }
            outputs.append(found)
        }
        return Answer(
            reference: expected, containers: outputs, label: label,
            isTruncated: ([input.reference] + input.containers).contains(where: \.isTruncated))
    }

    private func labelIndex(of example: EvaluationExample) throws(CandidateError) -> Int? {
        guard reference.task == .classify, let label = example.label else { return nil }
        guard let index = labelIndices[label] else {
            throw .input(.unknownLabel(label, known: reference.labels))
        }
        return index
    }

    /// The tokens of an example for the reference and for each container.
    private func tokens(
        of example: EvaluationExample
    ) throws(CandidateError) -> (reference: TokenSequence, containers: [TokenSequence]) {
        switch example.input {
        case .tokens(let tokens):
            return (tokens, containers.map { _ in tokens })
        case .text(let text, let pair):
            var whole: (tokens: TokenSequence, file: String)?
            var all: [TokenSequence] = []
            for container in containers {
                let found = try container.encode(text, pair: pair)
                all.append(found)
                if container.hasTrimmedTokenizer { continue }
                if let whole, whole.tokens != found {
                    throw .candidate(
                        .tokenizersDiffer(
                            file: container.file, otherFile: whole.file, line: example.line))
                }
                if whole == nil { whole = (found, container.file) }
            }
            guard let tokens = referenceTokens(text, pair) ?? whole?.tokens ?? all.first else {
                throw .input(.noInput)
            }
            return (tokens, all)
        }
    }

    private func referenceTokens(_ text: [UInt8], _ pair: [UInt8]?) -> TokenSequence? {
        referenceTokenizer.map { tokenizer in
            let encoding = tokenizer.encode(
                text, pair: pair, maximumTokens: reference.maximumTokens)
            return TokenSequence(
                ids: encoding.ids, typeIDs: encoding.typeIDs,
                isTruncated: encoding.untruncatedCount > encoding.ids.count)
        }
    }

    private func output(
        of candidate: any Candidate, for input: TokenSequence
    ) throws(CandidateError) -> [Float] {
        let output = try candidate.output(for: input)
        guard output.allSatisfy(\.isFinite) else {
            throw .input(.notFinite(file: candidate.file))
        }
        guard !output.isEmpty else {
            throw .candidate(.outputMissing(file: candidate.file, task: candidate.task))
        }
        return output
    }
}
