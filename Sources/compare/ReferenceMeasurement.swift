import CEdgePlatform
import CommandLineSupport
import Evaluation
import ModelGraph

/// Times the float executor and prints a benchmark.
///
/// `compare` starts itself with this, so that the memory of the float original is measured in a
/// process of its own; it is no part of the command line's contract.
struct ReferenceMeasurement {
    static let option: StaticString = "--measure-reference"

    private let file: String
    private let taskName: String
    private let options: BenchmarkOptions

    /// The arguments that make `compare` measure.
    static func arguments(
        file: String, task: ModelTask, options: BenchmarkOptions
    ) -> [String] {
        ["\(option)", "--task", task.rawValue] + options.arguments + ["--", file]
    }

    /// - Parameter arguments: Those after the option.
    init(_ arguments: [[UInt8]]) throws(Failure) {
        do throws(UsageError) {
            let parsed = try Arguments(
                arguments,
                options: OptionList([
                    ("--task", .value), ("--lengths", .value), ("--threads", .value),
                    ("--seconds", .value), ("--json", .flag),
                ]))
            guard let file = parsed.positional.first else {
                throw .missingArgument("the checkpoint")
            }
            self.file = String(decoding: file, as: UTF8.self)
            taskName = parsed.text("--task") ?? ""
            options = BenchmarkOptions(
                lengths: try parsed.integers("--lengths", in: 1...(1 << 20)) ?? [],
                threadCount: try parsed.integer("--threads", in: 1...256) ?? 1,
                seconds: try parsed.integer("--seconds", in: 0...3600) ?? 2)
        } catch {
            throw Failure(error)
        }
    }

    func run() throws(Failure) {
        let start = edgep_nanoseconds()
        let opened = try OpenedReference(file: file, taskName: taskName)
        let reference = ReferenceCandidate(
            file: file, model: opened.model, threadCount: options.threadCount)
        do {
            let benchmark = try Benchmark(reference: reference, options: options, start: start)
            Console.write(try benchmark.json(program: "compare"))
        } catch {
            throw Failure(error)
        }
    }
}
