package import Foundation

extension Benchmark {
    /// Runs a program that prints a benchmark as JSON.
    ///
    /// The memory of this process does not count there. Its standard error is that of this process.
    package static func run(
        program: URL, arguments: [String]
    ) throws(EvaluationError) -> Benchmark {
        let name = program.lastPathComponent
        let process = Process()
        let output = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        do {
            try process.run()
        } catch {
            throw .programNotStarted(name, reason: error.localizedDescription)
        }
        let json = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            throw .programFailed(name, status: process.terminationStatus)
        }
        return try Benchmark(json: json, program: name)
    }

    /// The benchmark as one line of JSON with a line end.
    package func json(program: String) throws(EvaluationError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        do {
            return try Array(encoder.encode(self)) + [UInt8(ascii: "\n")]
        } catch {
            throw .programOutput(program, reason: "\(error)")
        }
    }

    init(json: Data, program: String) throws(EvaluationError) {
        do {
            self = try JSONDecoder().decode(Benchmark.self, from: json)
        } catch let error as DecodingError {
            throw .programOutput(program, reason: Self.reason(error))
        } catch {
            throw .programOutput(program, reason: "\(error)")
        }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _):
            "member '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "member '\(context.codingPath.last?.stringValue ?? "")' has the wrong type"
        case .dataCorrupted:
            "it is not valid JSON"
        @unknown default:
            "it is not a benchmark"
        }
    }
}
