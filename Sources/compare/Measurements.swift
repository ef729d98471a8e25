import CommandLineSupport
import Evaluation
import Foundation
import ModelGraph

/// Time and memory of every model, each in a process of its own.
struct Measurements {
    let reference: Benchmark?
    /// One for each container; nil where it was not measured.
    let containers: [Benchmark?]
    /// Why something was not measured, one message each.
    let problems: [String]

    init(
        checkpoint: CheckpointFacts, containers files: [String], options: BenchmarkOptions
    ) {
        var progress = ProgressBar()
        var problems: [String] = []
        let total = Double(files.count + 1)

        func measure(
            _ file: String, _ body: () throws(EvaluationError) -> Benchmark
        ) -> Benchmark? {
            do {
                return try body()
            } catch {
                progress.clear()
                problems.append("\(file): latency and memory were not measured: \(error)")
                return nil
            }
        }

        progress.update("measuring", 0)
        reference = measure(checkpoint.file) { () throws(EvaluationError) in
            guard let program = ProgramSearch.ownProgram else { throw .programNotFound("compare") }
            return try Benchmark.run(
                program: program,
                arguments: ReferenceMeasurement.arguments(
                    file: checkpoint.file, task: checkpoint.task, options: options))
        }
        var benchmarks: [Benchmark?] = []
        for (index, file) in files.enumerated() {
            progress.update("measuring", Double(index + 1) / total)
            benchmarks.append(
                measure(file) { () throws(EvaluationError) in
                    try Benchmark.run(
                        program: try ProgramSearch.find("run-edge"),
                        arguments: ["bench", Self.argument(file)] + options.arguments)
                })
        }
        progress.clear()
        containers = benchmarks
        self.problems = problems
    }

    /// A path that cannot be taken for an option.
    private static func argument(_ path: String) -> String {
        path.hasPrefix("-") ? "./" + path : path
    }
}
