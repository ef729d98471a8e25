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

/// Finds the programs of this package.
package enum ProgramSearch {
    /// The file of the running program.
    package static var ownProgram: URL? {
        guard
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return nil }
        return URL(fileURLWithPath: path)
    }

    /// A program beside the running one, or else on PATH.
    package static func find(_ name: String) throws(EvaluationError) -> URL {
        var folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        if let own = ownProgram { folders.insert(own.deletingLastPathComponent().path[...], at: 0) }
        return try find(name, in: folders.map(String.init))
    }

    static func find(_ name: String, in folders: [String]) throws(EvaluationError) -> URL {
        for folder in folders {
            let program = URL(fileURLWithPath: folder).appendingPathComponent(name)
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: program.path, isDirectory: &isFolder),
                !isFolder.boolValue, FileManager.default.isExecutableFile(atPath: program.path)
            else { continue }
            return program
        }
        throw .programNotFound(name)
    }
}
