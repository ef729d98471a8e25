import Checkpoints
import CommandLineSupport
import EdgeRuntime
import EdgeTokenizer
import Evaluation
import Foundation
import ModelCompression
import ModelGraph

/// Measures containers for a budget: their time, by `run-edge`, and what their answers lose.
struct CandidateMeasurement {
    /// What a drop is a drop of.
    enum Basis: String {
        /// The share of the right labels, where the calibration data has them.
        case labels
        /// The share of answers with the same label; the accuracy drops by less than it.
        case agreement
        /// The mean cosine, for models that do not classify.
        case cosine
    }

    /// Short rounds of which the quickest counts: what disturbs a measurement only adds time.
    private static let rounds = 3
    private static let secondsPerRound = 1

    private let loaded: LoadedCheckpoint
    private let threads: Int
    private let judged: EvaluationSet?
    let basis: Basis
    /// Nil if no time is measured.
    let tokenCount: Int?
    private let program: URL?

    /// - Parameters:
    ///   - judged: Nil if no drop is asked for.
    /// - Throws: A failure if the time cannot be measured, before any work is done.
    init(
        _ options: BudgetOptions, loaded: LoadedCheckpoint, judged: EvaluationSet?, threads: Int
    ) throws(Failure) {
        self.loaded = loaded
        self.threads = threads
        let labels = loaded.model.labels
        let isLabelled = judged?.examples.allSatisfy { example in
            example.label.map { labels.contains($0) } ?? false
        }
        if loaded.model.task != .classify {
            basis = .cosine
        } else {
            basis = isLabelled ?? false ? .labels : .agreement
        }
        self.judged = judged.map { set in
            EvaluationSet(
                file: set.file,
                examples: set.examples.map {
                    EvaluationExample(
                        line: $0.line, input: $0.input,
                        label: isLabelled ?? false ? $0.label : nil)
                })
        }
        guard options.budget.milliseconds != nil else {
            tokenCount = nil
            program = nil
            return
        }
        let maximum = loaded.model.maximumTokens
        let tokens = options.latencyTokens ?? min(128, maximum)
        guard tokens <= maximum else {
            throw Failure(
                .outOfRange(
                    option: "--latency-tokens", value: "\(tokens)", range: "1…\(maximum)"))
        }
        tokenCount = tokens
        do {
            program = try ProgramSearch.find("run-edge")
        } catch {
            throw Failure("--target-latency: \(error)", .wrongUsage)
        }
    }

    /// How many examples the drop is measured on.
    var exampleCount: Int { judged?.examples.count ?? 0 }

    /// The median time of one run in milliseconds; nil if none is asked for.
    func milliseconds(_ container: String) throws(Failure) -> Double? {
        guard let program, let tokenCount else { return nil }
        let options = BenchmarkOptions(
            lengths: [tokenCount], threadCount: threads, seconds: Self.secondsPerRound)
        var least = Double.infinity
        for _ in 0..<Self.rounds {
            do {
                let benchmark = try Benchmark.run(
                    program: program, arguments: ["bench", container] + options.arguments)
                least = min(least, benchmark.lengths.first?.medianMilliseconds ?? .infinity)
            } catch {
                throw Failure("--target-latency: \(error)", .wrongUsage)
            }
        }
        return least
    }

    /// What the answers of a container lose, in parts of 1, negative where they gain; NaN if some
    /// answers are no numbers, nil if no drop is asked for.
    func drop(_ container: String, progress: (Double) -> Void) throws(Failure) -> Double? {
        guard let judged else { return nil }
        let result: Evaluation.ComparisonResult
        do {
            let candidate = try ContainerCandidate(
                file: container, container: ContainerCandidate.open(file: container),
                options: SessionOptions(threadCount: threads))
            result = try Comparison.run(
                reference: ReferenceCandidate(
                    file: loaded.checkpoint.path, model: loaded.model, threadCount: threads),
                containers: [candidate], data: judged, referenceTokenizer: loaded.openTokenizer()
            ) { progress(Double($0) / Double(judged.examples.count)) }
        } catch let error as Failure {
            throw error
        } catch EvaluationError.noExamples {
            return .nan
        } catch let error as EvaluationError {
            throw Failure(error.description, error.isModelInvalid ? .invalidModel : .wrongUsage)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
        guard result.failures.isEmpty, let metrics = result.containers.first?.metrics else {
            return .nan
        }
        switch basis {
        case .labels: return metrics.decisions?.difference.map { -$0.estimate } ?? .nan
        case .agreement:
            let same = Double(metrics.decisions?.agreementCount ?? 0)
            return 1 - same / Double(metrics.exampleCount)
        case .cosine: return 1 - metrics.cosine.mean
        }
    }
}
