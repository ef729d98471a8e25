import CEdgePlatform
import Foundation
import Testing

/// Command lines and single inputs that `run-edge` refuses.
@Suite struct RunEdgeUsageTests {
    @Test(
        "A command line that makes no sense is refused in one line",
        arguments: [
            ([], "model"), (["model.atn"], "--text"), (["a.atn", "--texts", "b"], "--texts"),
            (["a.atn", "b.atn", "--ids", "1"], "'b.atn'"),
            (["a.atn", "--ids", "1", "--text", "b"], "--text"),
            (["a.atn", "--ids", "1", "--text-pair", "b"], "--text-pair"),
            (["a.atn", "--socket", "s", "--input", "-"], "--socket"),
            (["a.atn", "--ids", "1", "--socket", "s"], "--socket"),
            (["a.atn", "--socket", "s", "--text-pair", "b"], "--text-pair"),
            (["a.atn", "--socket"], "--socket"),
            (["a.atn", "--ids"], "--ids"), (["a.atn", "--ids", ""], "--ids"),
            (["a.atn", "--ids", "1,,2"], "--ids"), (["a.atn", "--ids", "1,x"], "'x'"),
            (["a.atn", "--ids", "-1"], "-1"), (["a.atn", "--ids", "4294967296"], "4294967296"),
            (["a.atn", "--ids", "99999999999999999999"], "--ids"),
            (["a.atn", "--ids", "1", "--threads", "0"], "--threads"),
            (["a.atn", "--ids", "1", "--threads", "-3"], "--threads"),
            (["a.atn", "--ids", "1", "--max-memory", "much"], "much"),
            (["a.atn", "--ids", "1", "--max-memory", "1TB"], "1TB"),
            (["a.atn", "--ids", "1", "--max-memory", "9999999999GB"], "--max-memory"),
            (["a.atn", "--ids", "1", "--task", "sing"], "sing"),
            (["a.atn", "--ids", "1", "--task", "translate"], "not available"),
            (["a.atn", "--text", "hello", "--chat"], "not available"),
            (["a.atn", "--ids", "1", "--temperature", "warm"], "not a decimal number"),
            (["a.atn", "--ids", "1", "--top-p", "1.5"], "outside 0…1"),
            (["a.atn", "--ids", "1", "--max-tokens", "0"], "outside 1…"),
            (["a.atn", "--image", "a.png"], "--image"), (["a.atn", "--beam", "4"], "--beam"),
            (["a.atn", "--ids", "1", "--attention", "a.json"], "--attention"),
            (["bench"], "model"), (["info"], "model"), (["isa", "--jsonl"], "--jsonl"),
            (["tokenize", "a.atn"], "--text"),
        ] as [([String], String)])
    func wrongUsageIsRefused(arguments: [String], word: String) throws {
        try Program.runEdge.run(arguments).expectRefusal(2, naming: [word])
    }

    @Test(
        "Ids that the model does not have, or too many, fail as input",
        arguments: ["int8", "float"])
    func unusableIDsFail(preset: String) throws {
        let path = try CompressedModels.path(of: .plain, preset: preset)
        let limit = TinyBert.maximumTokens
        let tooMany = Array(repeating: "1", count: limit + 1).joined(separator: ",")
        let cases = [
            ("1,100", ["100", "position 1", "vocabulary of 100"]),
            ("2147483647", ["2147483647"]), (tooMany, ["\(limit + 1) tokens", "\(limit)"]),
        ]
        for (ids, words) in cases {
            let run = try Program.runEdge.run([path, "--ids", ids])
            run.expectRefusal(1, naming: words)
        }
        let longest = Array(repeating: "1", count: limit).joined(separator: ",")
        try Program.runEdge.run([path, "--ids", longest]).expectDone()
        try Program.runEdge.run([path, "--ids", "99"]).expectDone()
    }

    @Test("Text for a model without a tokenizer fails and says what to do")
    func textNeedsATokenizer() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        let run = try Program.runEdge.run([path, "--text", "hello"])
        run.expectRefusal(1, naming: ["no tokenizer", "--ids"])
        let tokenize = try Program.runEdge.run(["tokenize", path, "--text", "hello"])
        tokenize.expectRefusal(3, naming: [path, "no tokenizer"])
    }

    @Test("A task that the model was not made for is refused")
    func foreignTasksAreRefused() throws {
        let encoder = try CompressedModels.path(of: .plain, preset: "int8")
        for task in ["embed", "classify"] {
            let run = try Program.runEdge.run([encoder, "--ids", "1", "--task", task])
            run.expectRefusal(2, naming: [encoder, "'\(task)'", "'raw'"])
        }
    }

    @Test("bench refuses a length that the model does not take")
    func benchRefusesLongInputs() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        for lengths in ["41", "0", "16,1000000"] {
            let run = try Program.runEdge.run(["bench", path, "--lengths", lengths])
            run.expectRefusal(2, naming: ["--lengths"])
        }
    }

    @Test("bench reports every length that was asked for, in one JSON document")
    func benchReportsEveryLength() throws {
        let path = try CompressedModels.path(of: .classifier, preset: "int8")
        let run = try Program.runEdge.run([
            "bench", path, "--lengths", "3,40,1", "--seconds", "0", "--json", "--threads", "2",
        ])
        try run.expectDone()
        #expect(run.lines.count == 1)
        #expect(run.errors.isEmpty)
        let json = try run.json()
        // On one processor two threads would only take turns.
        #expect(json["threads"] as? Int == min(2, Int(edgep_allowed_processor_count())))
        let rows = try #require(json["lengths"] as? [[String: Any]])
        #expect(rows.compactMap { $0["tokens"] as? Int } == [3, 40, 1])
        #expect(json["peak_gmacs"] as? Double ?? 0 > 0)
        #expect(rows.allSatisfy { $0["share_of_peak"] as? Double ?? 0 > 0 })
        let groups = try #require(json["instructions"] as? [[String: Any]])
        let names = groups.compactMap { $0["name"] as? String }
        #expect(names.contains { $0.hasPrefix("linear ") && $0.hasSuffix(", gelu") })
        #expect(names.contains { $0.hasPrefix("attention, ") })
        #expect(groups.allSatisfy { $0["count"] as? Int ?? 0 > 0 && $0["thread_ms"] is Double })
        for row in rows {
            #expect((row["outputs_sha256"] as? String)?.count == 64)
            #expect((row["runs"] as? Int ?? 0) >= 1)
            for key in ["median_ms", "min_ms", "p90_ms", "p99_ms"] {
                #expect(row[key] is NSNumber, "\(key)")
            }
        }
    }

    @Test("A reader that goes away is no error")
    func aClosedPipeIsNoError() throws {
        let path = try CompressedModels.path(of: .plain, preset: "float")
        let lines = String(repeating: "{\"ids\":[1,2,3]}\n", count: 500)
        for arguments in [
            [path, "--ids", "1,2"], [path, "--input", "-"], ["info", path], ["isa"], ["--help"],
            ["bench", path, "--lengths", "1", "--seconds", "0"],
        ] {
            let run = try Program.runEdge.run(
                arguments, input: Array(lines.utf8), output: .closedPipe)
            #expect(run.end == .exited(0), "\(arguments)")
            #expect(run.errors.isEmpty, "\(run.errorText)")
        }
    }
}
