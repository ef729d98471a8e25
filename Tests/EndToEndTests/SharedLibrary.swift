import Foundation
import Testing

/// The library that `tools/build-library --tests` builds, and the programs linked with it.
enum SharedLibrary {
    /// The folder of the host's library, with `lib`, `include` and `programs`.
    static let folder = ProcessInfo.processInfo.environment["ATTENUATE_LIBRARY"]

    /// What the header of the repository declares.
    static func declaredFunctions() throws -> Set<String> {
        let path = "\(TinyBert.root)/Sources/CAttenuate/attenuate.h"
        let code = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.prefix { $0 != "/" }
        }.joined(separator: " ")
        return Set(code.matches(of: /(attenuate_\w+)\s*\(/).map { String($0.output.1) })
    }

    /// The global symbols that a library defines, by the toolchain's `llvm-nm`.
    static func definedSymbols(_ library: String, _ options: [String]) throws -> [String] {
        let folder = "$(dirname \"$(readlink -f \"$(command -v swiftc)\")\")"
        let list = try run(
            "/bin/sh",
            [
                "-c", "\"\(folder)/llvm-nm\" \"$@\"", "nm", "--defined-only", "--extern-only",
                "--format=just-symbols",
            ] + options + [library])
        try list.expectDone()
        return list.lines.map { String($0) }.filter { !$0.isEmpty && !$0.hasSuffix(":") }
    }

    static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> ProgramRun {
        try RunningProgram(
            path: path, arguments: arguments.map { Array($0.utf8) }, input: [],
            environment: environment, output: .captured
        ).wait(limit: 600)
    }

    /// Expects what the example in C prints for texts: what `run-edge` says, to the bit.
    static func expectClasses(
        _ run: ProgramRun, of texts: [String], model: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try run.expectDone(sourceLocation: sourceLocation)
        let lines = run.lines
        try #require(lines.count == texts.count, sourceLocation: sourceLocation)
        for (text, line) in zip(texts, lines) {
            let words = line.split(separator: " ")
            let expected = try Classes(of: text, model: model)
            #expect(
                words.first.map { String($0) } == expected.label, sourceLocation: sourceLocation)
            #expect(
                words.dropFirst().compactMap { Float($0)?.bitPattern } == expected.scoreBits,
                sourceLocation: sourceLocation)
        }
    }

    /// What `run-edge` answers.
    struct Classes {
        let label: String
        let scoreBits: [UInt32]

        init(of text: String, model: String) throws {
            let run = try Program.runEdge.run([model, "--text", text, "--json"])
            try run.expectDone()
            label = try #require(try run.json()["label"] as? String)
            let scores = try #require(run.outputText.range(of: "\"scores\":{"))
            scoreBits = run.outputText[scores.upperBound...].matches(of: /:([-+.e0-9]+)/)
                .compactMap { Float($0.output.1)?.bitPattern }
        }
    }
}
