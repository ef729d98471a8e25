import Foundation
import Glibc
import Testing

/// `compress --target-size`, `--target-latency` and `--max-drop`.
@Suite(.serialized) struct BudgetTests {
    private static let calibration = "\(TopicClassifier.folder)/calibration.jsonl"
    private static let evaluation = "\(TopicClassifier.folder)/evaluation.jsonl"
    private let folder: TemporaryFolder
    private var output: String { "\(folder.path)/model.atn" }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func compress(_ arguments: [String], limit: Double = 240) throws -> ProgramRun {
        try Program.compress.run(
            [TopicClassifier.folder, "-o", output] + arguments, limit: limit)
    }

    private func budget(_ run: ProgramRun) throws -> [String: Any] {
        try #require(try run.json()["budget"] as? [String: Any])
    }

    private func candidates(_ budget: [String: Any]) throws -> [[String: Any]] {
        let candidates = try #require(budget["candidates"] as? [[String: Any]])
        #expect((1...8).contains(candidates.count))
        return candidates
    }

    /// The container is alone in its folder and answers.
    private func expectContainer(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try folder.names == ["model.atn"], sourceLocation: sourceLocation)
        let run = try Program.runEdge.run([output, "--text", "a library for graphs"])
        try run.expectDone(sourceLocation: sourceLocation)
    }

    // MARK: - Size

    @Test("A size is met, with and without calibration data", arguments: [800_000, 1_100_000])
    func aSizeIsMet(target: Int) throws {
        for data in [[], ["--calibration", Self.calibration]] {
            let run = try compress(["--target-size", "\(target)", "--json"] + data)
            try run.expectDone()
            let size = try folder.read("model.atn").count
            #expect(size <= target && Double(size) >= 0.95 * Double(target))
            try expectContainer()
            let budget = try budget(run)
            #expect(budget["met"] as? Bool == true)
            #expect((budget["missed"] as? [Any])?.isEmpty == true)
            #expect((budget["targets"] as? [String: Int]) == ["bytes": target])
            let candidates = try candidates(budget)
            let chosen = try #require(budget["chosen"] as? Int)
            #expect(candidates[chosen]["bytes"] as? Int == size)
            #expect(candidates.allSatisfy { ($0["answer_distance"] != nil) == !data.isEmpty })
        }
    }

    @Test("A size that int8 has already gives the file of int8")
    func anAmpleSizeIsThePreset() throws {
        try compress(["--target-size", "10MB"]).expectDone()
        let preset = try TopicClassifier.container(preset: "int8")
        let expected = Array(try Data(contentsOf: URL(fileURLWithPath: preset)))
        #expect(try folder.read("model.atn") == expected)
    }

    @Test("A size that cannot be met ends with status 4, the smallest file and the difference")
    func aSizeThatCannotBeMetIsMissed() throws {
        let json = try compress(["--target-size", "100kB", "--json"])
        #expect(json.end == .exited(4))
        let first = try folder.read("model.atn")
        try expectContainer()
        let budget = try budget(json)
        #expect(budget["met"] as? Bool == false)
        let missed = try #require((budget["missed"] as? [[String: Any]])?.first)
        #expect(missed["target"] as? String == "bytes" && missed["limit"] as? Double == 100_000)
        #expect(missed["over"] as? Double == Double(first.count - 100_000))
        let sizes = try candidates(budget).map { try #require($0["bytes"] as? Int) }
        #expect(first.count == sizes.min())

        let text = try compress(["--target-size", "100kB"])
        #expect(text.end == .exited(4) && text.errors.isEmpty)
        let last = try #require(text.lines.last)
        #expect(last.contains("\(first.count) bytes, \(first.count - 100_000) more than"))
        // Where only sizes decide, the same command gives the same file.
        #expect(try folder.read("model.atn") == first)
    }

    @Test("Heads and neurons go where steps alone do not reach a size")
    func sizesBeyondTheLargestStepShrink() throws {
        let run = try compress([
            "--target-size", "360kB", "--calibration", Self.calibration, "--json",
        ])
        let candidates = try candidates(try budget(run))
        #expect(candidates.contains { ($0["keep"] as? Double ?? 1) < 1 })
        if run.end == .exited(0) {
            #expect(try folder.read("model.atn").count <= 360_000)
        } else {
            #expect(run.end == .exited(4))
        }
        try expectContainer()
    }

    @Test("A model without a tokenizer or calibration data meets a size, too")
    func tinyModelsMeetSizes() throws {
        let whole = try CompressedModels.bytes(of: .plain, preset: "int8").count
        let target = whole * 9 / 10
        let run = try Program.compress.run([
            TinyBert.plain.folder, "-o", output, "--target-size", "\(target)", "--json",
        ])
        try run.expectDone()
        #expect(try folder.read("model.atn").count <= target)
    }

    // MARK: - What the search begins with

    @Test("A preset is the mildest candidate, and a recipe's options stay")
    func theRecipeIsTheMildest() throws {
        try compress(["--target-size", "10MB", "--preset", "small"]).expectDone()
        let small = try Data(
            contentsOf: URL(fileURLWithPath: try TopicClassifier.container(preset: "small")))
        #expect(try folder.read("model.atn") == Array(small))

        let recipe = try folder.write(
            "mine.json", #"{"passes":[{"pass":"quantize","sweeps":1,"smoothing":0}]}"#.utf8)
        try compress(["--target-size", "800kB", "--recipe", recipe]).expectDone()
        let inspected = try Program.compress.run(["inspect", output, "--json"])
        try inspected.expectDone()
        let text = inspected.outputText
        #expect(text.contains(#"\"sweeps\":1,\"smoothing\":0,\"step\":"#), "\(text.prefix(2000))")
    }

    @Test("A recipe whose strength cannot be varied is refused before any work")
    func recipesWithoutAGridAreRefused() throws {
        let run = try compress(["--target-size", "1MB", "--preset", "float"])
        run.expectRefusal(2, naming: ["'float'", "quantize"])
        #expect(try folder.names.isEmpty)
    }

    @Test("--dry-run says what the search would begin with")
    func dryRunsTellTheFirstCandidate() throws {
        let run = try compress(["--target-size", "800kB", "--max-drop", "1%", "--dry-run"])
        try run.expectDone()
        #expect(run.outputText.contains("at most 8 recipes"))
        #expect(run.outputText.contains("steps of 0."))
        #expect(try folder.names.isEmpty)
        let json = try compress(["--target-size", "800kB", "--dry-run", "--json"])
        #expect(try json.json()["recipes_at_most"] as? Int == 8)
    }

    // MARK: - Drop

    @Test("A drop is measured on calibration inputs only; --eval changes no byte")
    func evaluationDataIsNotUsedToChoose() throws {
        let arguments = ["--max-drop", "4%", "--calibration", Self.calibration, "--json"]
        let run = try compress(arguments)
        try run.expectDone()
        let alone = try folder.read("model.atn")
        let budget = try budget(run)
        #expect(budget["drop_of"] as? String == "labels")
        #expect(budget["judged_inputs"] as? Int == 42)
        for candidate in try candidates(budget) {
            let drop = try #require(candidate["drop"] as? Double)
            // Differences of counts of 42 inputs.
            #expect(abs(drop * 42 - (drop * 42).rounded()) < 1e-9)
            #expect((drop <= 0.04) == (candidate["met"] as? Bool))
        }
        let within = try candidates(budget).filter { $0["met"] as? Bool == true }
        #expect(within.compactMap { $0["bytes"] as? Int }.min() == alone.count)

        let evaluated = try compress(arguments + ["--eval", Self.evaluation])
        try evaluated.expectDone()
        #expect(try folder.read("model.atn") == alone)
        #expect(try evaluated.json()["evaluation"] != nil)
        #expect(try candidates(self.budget(evaluated)).count == candidates(budget).count)
        try expectContainer()
    }

    @Test("Without labels the drop is that of the agreement")
    func withoutLabelsAgreementCounts() throws {
        let texts = try TopicClassifier.lines("calibration.jsonl").prefix(60).map {
            try #require($0["text"] as? String)
        }
        let lines = try texts.map {
            let line = try JSONSerialization.data(withJSONObject: ["text": $0])
            return String(decoding: line, as: UTF8.self)
        }
        let data = try folder.write("texts.jsonl", (lines.joined(separator: "\n") + "\n").utf8)
        let run = try compress([
            "--max-drop", "10%", "--preset", "small", "--calibration", data, "--json",
        ])
        try run.expectDone()
        let budget = try budget(run)
        #expect(budget["drop_of"] as? String == "agreement")
        #expect(budget["judged_inputs"] as? Int == 20)
        #expect(
            try candidates(budget).allSatisfy { ($0["drop"] as? Double ?? -1) >= 0 })
    }

    @Test("For a model that does not classify the drop is that of the cosine")
    func embeddingsLoseCosine() throws {
        let ids = (0..<24).map { "{\"ids\":[\($0 + 1),\(2 * $0 + 3),\(3 * $0 + 5)]}\n" }.joined()
        let data = try folder.write("ids.jsonl", ids.utf8)
        let run = try Program.compress.run([
            TinyBert.plain.folder, "-o", output, "--max-drop", "1%", "--calibration", data,
            "--json",
        ])
        try run.expectDone()
        let budget = try budget(run)
        #expect(budget["drop_of"] as? String == "cosine")
        for candidate in try candidates(budget) {
            let drop = try #require(candidate["drop"] as? Double)
            #expect(drop > 0 && drop < 2)
        }
    }

    // MARK: - Time

    @Test("A time that no model has is missed, and one that every model has is met")
    func timesAreMeasured() throws {
        let ample = try compress([
            "--target-latency", "10s", "--latency-tokens", "16", "--threads", "1", "--calibration",
            Self.calibration, "--json",
        ])
        try ample.expectDone()
        let met = try budget(ample)
        #expect(met["latency_tokens"] as? Int == 16)
        let time = try #require(try candidates(met)[0]["milliseconds"] as? Double)
        #expect(time > 0 && time < 10_000)
        #expect(try candidates(met).count == 1)

        let hopeless = try compress(
            [
                "--target-latency", "1us", "--threads", "1", "--calibration", Self.calibration,
            ])
        #expect(hopeless.end == .exited(4))
        #expect(hopeless.outputText.contains("more than --target-latency 0.001 ms"))
        try expectContainer()
    }

    // MARK: - Refusals

    @Test(
        "A target that makes no sense is refused in one line",
        arguments: [
            (["--target-size", "12mb"], "12mb"), (["--target-size", "12 MB"], "12 MB"),
            (["--target-size", "0"], "'0'"), (["--target-size", "-3MB"], "-3MB"),
            (["--target-size", "1e6"], "1e6"), (["--target-size", "nan"], "nan"),
            (["--target-size", ""], "--target-size"),
            (["--target-size", "99999999999GB"], "99999999999GB"),
            (["--target-latency", "5"], "'5'"), (["--target-latency", "0ms"], "0ms"),
            (["--target-latency", "5 ms"], "5 ms"), (["--max-drop", "1"], "'1'"),
            (["--max-drop", "101%"], "101%"), (["--max-drop", "-1%"], "-1%"),
            (["--max-drop", "1%"], "--calibration"),
            (["--target-latency", "5ms"], "--calibration"),
            (["--latency-tokens", "16"], "--target-latency"),
            (
                ["--target-latency", "5ms", "--latency-tokens", "0", "--calibration", "none"],
                "--latency-tokens"
            ),
            (
                [
                    "--target-latency", "5ms", "--latency-tokens", "4096", "--calibration",
                    calibration,
                ], "4096"
            ),
        ] as [([String], String)])
    func wrongTargetsAreRefused(arguments: [String], word: String) throws {
        try compress(arguments).expectRefusal(2, naming: [word])
        #expect(try folder.names.isEmpty)
    }

    @Test("Too few inputs for a drop are refused with their number")
    func tooFewInputsAreRefused() throws {
        let data = try folder.write("two.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n".utf8)
        try compress(["--max-drop", "1%", "--calibration", data]).expectRefusal(
            2, naming: ["two.jsonl", "2 inputs", "--max-drop"])
        #expect(try folder.names == ["two.jsonl"])
    }

    // MARK: - Interruption

    @Test("A signal during the search leaves nothing", arguments: [SIGTERM, SIGINT])
    func stoppingLeavesNothing(signal: Int32) throws {
        for moment in 1...6 {
            let running = try Program.compress.start([
                TopicClassifier.folder, "-o", output, "--target-size", "100kB", "--calibration",
                Self.calibration,
            ])
            usleep(UInt32(moment * 700_000))
            running.send(signal)
            let run = try running.wait(limit: 60)
            #expect([.killed(signal), .exited(4)].contains(run.end))
            if run.end == .killed(signal) { #expect(try folder.names.isEmpty, "\(moment)") }
            try? FileManager.default.removeItem(atPath: output)
        }
    }
}
