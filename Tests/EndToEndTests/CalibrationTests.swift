import Foundation
import Testing

/// `compress --calibration`.
@Suite struct CalibrationTests {
    private static let texts = "\(TopicClassifier.folder)/calibration.jsonl"
    /// The codes of the preset, everything that calibration is for turned off.
    private static let nearest = """
        {"passes":[{"pass":"quantize","table_limit":60,"rounding":"nearest","smoothing":0,\
        "clip":false,"sweeps":0,"bias_correction":false}]}
        """

    /// Lines of random ids for the small checkpoints.
    private func ids(_ count: Int, seed: Int = 1) -> String {
        var state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 &+ 1
        return (0..<count).map { index in
            let ids = (0..<4 + index % 30).map { _ -> Int in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % TinyBert.vocabularySize
            }
            return "{\"ids\":\(ids)}\n"
        }.joined()
    }

    private func relativeErrors(_ run: ProgramRun) throws -> [Double] {
        let passes = try #require(try run.json()["passes"] as? [[String: Any]])
        let outputs = try #require(passes.first?["outputs"] as? [[String: Any]])
        return try outputs.map { output in
            #expect((output["product"] as? String)?.isEmpty == false)
            let before = try #require(output["relative_error_before"] as? Double)
            #expect(before.isFinite && before >= 0)
            return try #require(output["relative_error_after"] as? Double)
        }
    }

    // MARK: - What it is good for

    @Test("The same data gives the same bytes, whatever the number of threads")
    func containersAreDeterministic() throws {
        let folder = try TemporaryFolder()
        let data = try folder.write("data.jsonl", ids(40).utf8)
        for (model, data) in [
            (TinyBert.plain.folder, data), (TinyBert.sharded.folder, data),
            (TopicClassifier.folder, Self.texts),
        ] {
            var files: [[UInt8]] = []
            for threads in ["1", "2", "1"] {
                try Program.compress.run([
                    model, "-o", "\(folder.path)/model.atn", "--calibration", data,
                    "--threads", threads,
                ]).expectDone()
                files.append(try folder.read("model.atn"))
            }
            #expect(Set(files).count == 1, "\(model)")
        }
    }

    @Test("The error of every product on held-out data is told and small")
    func heldOutErrorsAreTold() throws {
        let folder = try TemporaryFolder()
        let data = try folder.write("data.jsonl", ids(40).utf8)
        for model in [TinyBert.plain, .classifier, .relu] {
            let run = try Program.compress.run([
                model.folder, "-o", "\(folder.path)/model.atn", "--calibration", data, "--json",
            ])
            try run.expectDone()
            let errors = try relativeErrors(run)
            #expect(errors.count >= 12)
            #expect(errors.allSatisfy { $0.isFinite && $0 > 0 && $0 < 0.02 }, "\(errors)")
            let text = try Program.runEdge.run(["\(folder.path)/model.atn", "--ids", "1,2,3"])
            try text.expectDone()
        }
    }

    @Test("A calibrated classifier agrees with the float model at least as well as nearest codes")
    func calibrationAgreesAtLeastAsWell() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write("nearest.json", Self.nearest.utf8)
        let evaluation = "\(TopicClassifier.folder)/evaluation.jsonl"
        func evaluate(_ arguments: [String]) throws -> (errors: [Double], facts: [String: Any]) {
            let run = try Program.compress.run(
                [
                    TopicClassifier.folder, "-o", "\(folder.path)/model.atn", "--eval",
                    evaluation, "--json", "--calibration", Self.texts,
                ] + arguments)
            try run.expectDone()
            let facts = try #require(try run.json()["evaluation"] as? [String: Any])
            return (try relativeErrors(run), facts)
        }
        let (fitted, calibrated) = try evaluate([])
        let (plain, rounded) = try evaluate(["--recipe", recipe])
        #expect(fitted.count == 26 && fitted.allSatisfy { $0.isFinite && $0 > 0 })
        #expect(fitted.reduce(0, +) < plain.reduce(0, +))
        for fact in ["agreement", "cosine_mean", "cosine_minimum"] {
            let pair = try [calibrated, rounded].map { try #require($0[fact] as? Double) }
            // Two of the 400 texts may be luck, and so may the worst one be.
            let slacks: [String: Double] = ["agreement": 0.005, "cosine_minimum": 0.0005]
            let slack = slacks[fact] ?? 0
            #expect(pair[0] >= pair[1] - slack, "\(fact): \(pair)")
        }
        let agreement = try #require(calibrated["agreement"] as? Double)
        #expect(agreement >= 0.98)
    }

    @Test("Calibration changes an int8 model and leaves a float model alone")
    func onlyPassesThatAskForDataUseIt() throws {
        let folder = try TemporaryFolder()
        let data = try folder.write("data.jsonl", ids(40).utf8)
        for preset in ["float", "int8"] {
            try Program.compress.run([
                TinyBert.plain.folder, "-o", "\(folder.path)/model.atn", "--preset", preset,
                "--calibration", data,
            ]).expectDone()
            let plain = try CompressedModels.bytes(of: .plain, preset: preset)
            #expect((try folder.read("model.atn") == plain) == (preset == "float"))
        }
    }

    @Test("Labels in the data do not matter, and text gives what its ids give")
    func onlyTheInputsAreRead() throws {
        let folder = try TemporaryFolder()
        let container = try TopicClassifier.container(preset: "float")
        var (labelled, plain, tokens) = ("", "", "")
        for (index, line) in try TopicClassifier.lines("calibration.jsonl").prefix(30).enumerated()
        {
            let text = try #require(line["text"] as? String)
            let run = try Program.runEdge.run(["tokenize", container, "--text", text])
            let ids = JSON.numbers(try run.json()["ids"]).map { Int($0) }
            // Longer texts are cut.
            guard ids.count <= 128 else { continue }
            tokens += "{\"ids\":\(ids)}\n"
            let row = String(
                decoding: try JSONSerialization.data(withJSONObject: ["text": text]), as: UTF8.self)
            plain += row + "\n"
            labelled += row.dropLast() + ",\"label\":\"\(index)\"}\n"
        }
        try #require(plain.split(separator: "\n").count > 10)
        var files: Set<[UInt8]> = []
        for (name, text) in [("a", labelled), ("b", plain), ("c", tokens)] {
            let data = try folder.write("\(name).jsonl", text.utf8)
            try Program.compress.run([
                TopicClassifier.folder, "-o", "\(folder.path)/model.atn", "--calibration", data,
            ]).expectDone()
            files.insert(try folder.read("model.atn"))
        }
        #expect(files.count == 1)
    }

    // MARK: - What is refused or left out

    @Test("Data that cannot be used at all is refused, and nothing is written")
    func unusableDataIsRefused() throws {
        let (output, data) = (try TemporaryFolder(), try TemporaryFolder())
        let cases: [(String, [String])] = [
            ("\(data.path)/missing.jsonl", ["cannot be read"]), (data.path, []),
            (try data.write("empty.jsonl", []), ["no examples"]),
            (try data.write("blank.jsonl", "\n\n \n".utf8), []),
            (try data.write("data.csv", "1,2\n".utf8), [".jsonl"]),
            (try data.write("bad.jsonl", "{\n[]\n".utf8), ["line 1"]),
            (
                try data.write("ids.jsonl", "{\"ids\":[100]}\n{\"ids\":[-1]}\n".utf8),
                ["line 1", "token 100", "0..<100"]
            ),
            // The small checkpoints have no tokenizer.
            (try data.write("text.jsonl", "{\"text\":\"a\"}\n".utf8), ["line 1", "tokenizer"]),
            (try data.write("text.txt", "a\nb\n".utf8), ["line 1", "tokenizer"]),
        ]
        for (path, words) in cases {
            let run = try Program.compress.run([
                TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--calibration", path,
            ])
            #expect(run.end == .exited(2), "\(path): \(run.errorText)")
            #expect(run.output.isEmpty)
            let last = run.errorText.split(separator: "\n").last ?? ""
            for word in words + [path] { #expect(last.contains(word), "\(last)") }
            // A warning about the missing tokenizer, then the refusal.
            #expect(run.errorText.split(separator: "\n").count <= 2, "\(run.errorText)")
            #expect(try output.names.isEmpty)
        }
    }

    @Test("A line that cannot be used is named and left out")
    func badLinesAreLeftOut() throws {
        let (output, data) = (try TemporaryFolder(), try TemporaryFolder())
        let good = ids(30)
        let clean = try data.write("clean.jsonl", good.utf8)
        let bad = [
            "{\"ids\":[1,2", "[]", "{\"ids\":[]}", "{\"ids\":[1,100]}", "{\"ids\":[-1]}",
            "{\"ids\":[1],\"type_ids\":[2]}", "{\"ids\":[1,2],\"type_ids\":[0]}", "{}",
            "{\"ids\":[1],\"text\":\"a\"}", "{\"ids\":[4294967296]}", "{\"text\":\"a\"}",
            "{\"ids\":\(Array(repeating: 1, count: 41))}",
        ]
        let lines = good.split(separator: "\n").map(String.init)
        let mixed = try data.write(
            "mixed.jsonl",
            (Array(lines[..<10]) + bad + Array(lines[10...])).map { $0 + "\n" }.joined().utf8)
        var files: [[UInt8]] = []
        for path in [clean, mixed] {
            let run = try Program.compress.run([
                TinyBert.plain.folder, "-o", "\(output.path)/model.atn", "--calibration", path,
            ])
            try run.expectDone()
            files.append(try output.read("model.atn"))
            guard path == mixed else { continue }
            let warnings = run.errorText.split(separator: "\n").filter { $0.contains("left out") }
            #expect(warnings.count == bad.count, "\(run.errorText)")
            for (index, warning) in warnings.enumerated() {
                #expect(warning.hasPrefix("compress: warning: \(path): line "))
                #expect(warning.contains("line \(11 + index):"), "\(warning)")
            }
        }
        #expect(files[0] == files[1])
    }

    @Test("Texts longer than the model are cut, and one line is enough")
    func longTextsAreCut() throws {
        let (output, data) = (try TemporaryFolder(), try TemporaryFolder())
        let text = String(repeating: "web server for mail ", count: 400)
        let path = try data.write("long.txt", "\(text)\n".utf8)
        let run = try Program.compress.run([
            TopicClassifier.folder, "-o", "\(output.path)/model.atn", "--calibration", path,
            "--json",
        ])
        try run.expectDone()
        #expect(try relativeErrors(run).allSatisfy { $0.isFinite })
        try Program.runEdge.run(["\(output.path)/model.atn", "--text", "a shell"]).expectDone()
    }
}
