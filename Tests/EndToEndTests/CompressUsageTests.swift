import Foundation
import Testing

/// Command lines of `compress` that are refused before anything is read.
@Suite struct CompressUsageTests {
    @Test(
        "A command line that makes no sense is refused in one line",
        arguments: [
            ([], "checkpoint"), (["checkpoint"], "-o"), (["a", "b", "-o", "c"], "'b'"),
            (["a", "-o"], "--output"), (["a", "-o", "b", "-o", "c"], "--output"),
            (["a", "-o", "b", "--presets", "int8"], "--presets"),
            (["a", "-o", "b", "--preset", "int9"], "int9"),
            (["a", "-o", "b", "--threads", "0"], "--threads"),
            (["a", "-o", "b", "--threads", "many"], "many"),
            (["a", "-o", "b", "--threads", "99999999999999999999"], "--threads"),
            (["a", "-o", "b", "--task", "sing"], "sing"), (["a", "-o", "b", "--json=1"], "--json"),
            (["inspect"], "checkpoint"),
        ] as [([String], String)])
    func wrongUsageIsRefused(arguments: [String], word: String) throws {
        try Program.compress.run(arguments).expectRefusal(2, naming: [word])
    }

    @Test("--help and --version answer on standard output")
    func helpAndVersionAnswer() throws {
        for program in [Program.compress, .runEdge] {
            let help = try program.run(["--help"])
            try help.expectDone()
            #expect(help.outputText.contains("USAGE: \(program.name)"))
            let version = try program.run(["--version"])
            try version.expectDone()
            #expect(version.lines.count == 1)
        }
    }
}
