import Foundation

/// `tools/read_container.py`, which shares no code with the package.
struct IndependentReader {
    struct Answer {
        let status: Int32
        let output: Data
        let errors: String
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A Python with the packages that the reader needs; nil if there is none.
    static let python: String? = {
        let named = ProcessInfo.processInfo.environment["ATTENUATE_PYTHON"]
        let own = root.appendingPathComponent(".venv/bin/python").path
        let candidates = named.map { [$0] } ?? [own, "python3"]
        return candidates.first { python in
            let check = ["-c", "import numpy, zstandard"]
            return (try? run([python] + check))?.status == 0
        }
    }()

    static let absence: String =
        "needs Python 3 with numpy and zstandard, as $ATTENUATE_PYTHON, .venv or python3"

    static func read(_ arguments: [String]) throws -> Answer {
        let script = root.appendingPathComponent("tools/read_container.py").path
        return try run([python ?? "python3", script] + arguments)
    }

    private static func run(_ command: [String]) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // What goes to the error stream is one line, which the pipe holds.
        let data = output.fileHandleForReading.readDataToEndOfFile()
        let message = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Answer(
            status: process.terminationStatus, output: data,
            errors: String(decoding: message, as: UTF8.self))
    }
}
