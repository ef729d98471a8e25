import Foundation
import Glibc
import Testing

/// One of the programs of the package, as it was built beside the test bundle.
struct Program {
    static let compress = Program(name: "compress")
    static let runEdge = Program(name: "run-edge")
    static let compare = Program(name: "compare")

    let name: String

    /// The folder of the running test bundle.
    private static let folder =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        .map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? "."

    var path: String { "\(Self.folder)/\(name)" }

    /// Runs the program to its end.
    ///
    /// After `limit` seconds it is killed and the test fails.
    func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:],
        output: RunningProgram.Output = .captured, limit: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProgramRun {
        try run(
            bytes: arguments.map { Array($0.utf8) }, input: input, environment: environment,
            output: output, limit: limit, sourceLocation: sourceLocation)
    }

    /// The same with arguments that need not be UTF-8.
    func run(
        bytes arguments: [[UInt8]], input: [UInt8] = [], environment: [String: String] = [:],
        output: RunningProgram.Output = .captured, limit: Double = 60,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProgramRun {
        let running = try RunningProgram(
            path: path, arguments: arguments, input: input, environment: environment,
            output: output)
        let run = try running.wait(limit: limit)
        if run.end == .timedOut {
            Issue.record(
                "\(name) did not end within \(limit) seconds", sourceLocation: sourceLocation)
        }
        return run
    }

    func start(_ arguments: [String]) throws -> RunningProgram {
        try RunningProgram(
            path: path, arguments: arguments.map { Array($0.utf8) }, input: [], environment: [:],
            output: .captured)
    }

    /// Runs the program under limits that the shell sets first, for instance `ulimit -v 65536`.
    func run(
        limitedBy limits: String, _ arguments: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProgramRun {
        let running = try RunningProgram(
            path: "/bin/sh",
            arguments: (["-c", "\(limits); exec \"$0\" \"$@\"", path] + arguments).map {
                Array($0.utf8)
            }, input: [], environment: [:], output: .captured)
        let run = try running.wait(limit: 60)
        if run.end == .timedOut {
            Issue.record("\(name) did not end in time", sourceLocation: sourceLocation)
        }
        return run
    }
}
