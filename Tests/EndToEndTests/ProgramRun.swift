import Foundation
import Testing

/// How a program ended and what it wrote.
struct ProgramRun {
    enum End: Equatable {
        case exited(Int32)
        case killed(Int32)
        case timedOut
    }

    let end: End
    let output: [UInt8]
    let errors: [UInt8]

    var outputText: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }

    /// The lines of standard output, each of which must end with a line feed.
    var lines: [Substring] {
        outputText.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    }

    /// Standard output as one JSON document.
    func json() throws -> [String: Any] {
        try JSON.object(output)
    }

    /// Expects that the program did what it was asked.
    func expectDone(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try #require(
            end == .exited(0), "\(end): \(errorText)", sourceLocation: sourceLocation)
    }

    /// Expects a refusal: this exit status, one line on standard error with all of `words`, and
    /// nothing on standard output.
    func expectRefusal(
        _ status: Int32, naming words: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(end == .exited(status), "\(errorText)", sourceLocation: sourceLocation)
        #expect(output.isEmpty, "\(outputText.prefix(200))", sourceLocation: sourceLocation)
        expectOneLine(naming: words, sourceLocation: sourceLocation)
    }

    /// Expects one line on standard error that names the program and contains all of `words`.
    func expectOneLine(
        naming words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            errors.last == 0x0a && errors.filter { $0 == 0x0a }.count == 1,
            "one line on standard error, found: \(errorText)", sourceLocation: sourceLocation)
        #expect(
            ["compress: ", "run-edge: ", "compare: "].contains { errorText.hasPrefix($0) },
            "\(errorText)", sourceLocation: sourceLocation)
        for word in words {
            #expect(errorText.contains(word), sourceLocation: sourceLocation)
        }
    }
}
