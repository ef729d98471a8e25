import CommandLineSupport
import EdgeRuntime
import Evaluation
import ModelGraph
import Reporting

/// One run of `compare`, from opening the models to writing the report.
struct ComparisonRun {
    /// Input lengths where none are asked for, in tokens.
    private static let usualLengths = [16, 64, 128]
    /// Failed lines that are told one by one.
    private static let toldFailureCount = 10

    let options: CompareOptions

    func run() throws(Failure) -> ExitStatus {
        let instructionSet = try Self.instructionSet()
        try checkReportFolders()
        let data = try attempt { () throws(EvaluationError) in
            try EvaluationSet(file: options.data, limit: options.limit)
        }
        let containers = try attempt { () throws(EvaluationError) in
            try options.containers.map { file throws(EvaluationError) in
                try ContainerCandidate.open(file: file)
            }
        }
        let facts = zip(options.containers, containers).map {
            ContainerFacts(file: $0, container: $1)
        }
        let reference = try OpenedReference(file: options.checkpoint, taskName: facts[0].taskName)
        for warning in reference.warnings { Console.report("compare", "warning: \(warning)") }
        let checkpoint = try reference.facts(file: options.checkpoint)
        let lengths = try self.lengths(maximum: checkpoint.maximumTokens)

        let result = try attempt { () throws(EvaluationError) in
            try compare(reference.model, containers, data, instructionSet)
        }
        let failures = (data.failures + result.failures).sorted { $0.line < $1.line }
        tell(failures)

        let measurements = Measurements(
            checkpoint: checkpoint, containers: options.containers,
            options: BenchmarkOptions(
                lengths: lengths, threadCount: options.threadCount, seconds: options.seconds))
        for problem in measurements.problems { Console.report("compare", "warning: \(problem)") }

        let host = Host()
        let report = Report(
            result, checkpoint: checkpoint, containers: facts, data: data,
            environment: Report.Environment(
                processor: host.processor, usableProcessorCount: host.usableProcessorCount,
                threadCount: options.threadCount,
                instructionSet: String(decoding: instructionSet.name, as: UTF8.self)),
            referenceBenchmark: measurements.reference, benchmarks: measurements.containers,
            problems: Self.buildNotes + measurements.problems.map { $0 + "." })
        try write(report)
        return failures.isEmpty ? .done : .someInputFailed
    }

    /// The engines live only in here, so that they do not disturb the measurements that follow.
    private func compare(
        _ model: Model, _ containers: [Container], _ data: EvaluationSet,
        _ instructionSet: InstructionSet
    ) throws(EvaluationError) -> ComparisonResult {
        let session = SessionOptions(
            instructionSet: instructionSet, threadCount: options.threadCount)
        var candidates: [ContainerCandidate] = []
        for (file, container) in zip(options.containers, containers) {
            candidates.append(
                try ContainerCandidate(file: file, container: container, options: session))
        }
        var progress = ProgressBar()
        defer { progress.clear() }
        return try Comparison.run(
            reference: ReferenceCandidate(
                file: options.checkpoint, model: model, threadCount: options.threadCount),
            containers: candidates, data: data
        ) { progress.update("comparing", Double($0) / Double(data.examples.count)) }
    }

    private func lengths(maximum: Int) throws(Failure) -> [Int] {
        guard let lengths = options.lengths else {
            let fitting = Self.usualLengths.filter { $0 <= maximum }
            return fitting.isEmpty ? [maximum] : fitting
        }
        for length in lengths where length > maximum {
            throw Failure(
                .outOfRange(option: "--lengths", value: String(length), range: "1…\(maximum)"))
        }
        return lengths
    }

    private func tell(_ failures: [LineFailure]) {
        for failure in failures.prefix(Self.toldFailureCount) {
            Console.report("compare", "\(options.data): \(failure)")
        }
        if failures.count > Self.toldFailureCount {
            Console.report(
                "compare",
                "\(options.data): \(failures.count - Self.toldFailureCount) more lines failed")
        }
    }

    /// A run may take minutes; a folder that does not exist is told before.
    private func checkReportFolders() throws(Failure) {
        do {
            for path in [options.jsonPath, options.markdownPath].compactMap({ $0 }) {
                try ReportFile.checkFolder(of: path)
            }
        } catch {
            throw Failure(error)
        }
    }

    private func write(_ report: Report) throws(Failure) {
        do {
            if let path = options.jsonPath { try ReportFile.write(report.json, to: path) }
            if let path = options.markdownPath { try ReportFile.write(report.markdown, to: path) }
        } catch {
            throw Failure(error)
        }
        if options.printsText { Console.write(Array(report.text.utf8)) }
    }

    private func attempt<Value>(
        _ body: () throws(EvaluationError) -> Value
    ) throws(Failure) -> Value {
        do {
            return try body()
        } catch {
            throw Failure(error)
        }
    }

    private static var buildNotes: [String] {
        #if DEBUG
            ["compare was built without optimization; its latencies mean little."]
        #else
            []
        #endif
    }

    private static func instructionSet() throws(Failure) -> InstructionSet {
        guard let name = Console.environment("ATTENUATE_ISA") else { return .fastest }
        do {
            return try InstructionSet.named(name)
        } catch {
            throw Failure(instructionSet: error)
        }
    }
}
