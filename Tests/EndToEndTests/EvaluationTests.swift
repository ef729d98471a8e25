import Foundation
import Testing

/// `compress --eval` and `compare` on the same labelled texts.
@Suite struct EvaluationTests {
    private static let data = "\(TopicClassifier.folder)/evaluation.jsonl"

    @Test("--eval states the accuracies that run-edge's own labels have")
    func evaluationAgreesWithTheAnswersOfTheRuntime() throws {
        let folder = try TemporaryFolder()
        let run = try Program.compress.run([
            TopicClassifier.folder, "-o", "\(folder.path)/model.atn", "--eval", Self.data, "--json",
        ])
        try run.expectDone()
        #expect(run.lines.count == 1)
        let evaluation = try #require(try run.json()["evaluation"] as? [String: Any])
        let truth = try TopicClassifier.lines("evaluation.jsonl").compactMap {
            $0["label"] as? String
        }
        let int8 = try labels(TopicClassifier.container(preset: "int8"))
        let float = try labels(TopicClassifier.container(preset: "float"))
        #expect(evaluation["examples"] as? Int == truth.count)
        #expect(evaluation["failed_lines"] as? Int == 0)
        #expect(evaluation["accuracy_after"] as? Double == share(int8, truth))
        #expect(evaluation["accuracy_before"] as? Double == share(float, truth))
        #expect(evaluation["agreement"] as? Double == share(int8, float))
        // The evaluation changes nothing about the file.
        let plain = try TopicClassifier.container(preset: "int8")
        #expect(
            try folder.read("model.atn") == Array(Data(contentsOf: URL(fileURLWithPath: plain))))
    }

    @Test("--eval with unusable data is refused before anything is written")
    func unusableDataIsRefused() throws {
        let folder = try TemporaryFolder()
        let data = try TemporaryFolder()
        let empty = try data.write("empty.jsonl", [])
        for path in ["\(data.path)/missing.jsonl", data.path, empty] {
            let run = try Program.compress.run([
                TopicClassifier.folder, "-o", "\(folder.path)/model.atn", "--eval", path,
            ])
            run.expectRefusal(2, naming: [path])
            #expect(try folder.names.isEmpty)
        }
    }

    @Test("A bad line of the data is named, the others count, and the exit status is 1")
    func badLinesAreNamed() throws {
        let folder = try TemporaryFolder()
        let data = try folder.write(
            "data.jsonl",
            "{\"text\":\"a web server\",\"label\":\"web\"}\n{\"label\":\"x\"}\n[]\n".utf8)
        let container = "\(folder.path)/model.atn"
        let run = try Program.compress.run(
            [TopicClassifier.folder, "-o", container, "--eval", data, "--json"])
        #expect(run.end == .exited(1))
        let evaluation = try #require(try run.json()["evaluation"] as? [String: Any])
        #expect(evaluation["examples"] as? Int == 1)
        #expect(evaluation["failed_lines"] as? Int == 2)
        let comparison = try Program.compare.run([
            TopicClassifier.folder, container, "--data", data, "--seconds", "0", "--lengths", "4",
            "-o", "\(folder.path)/report.json",
        ])
        #expect(comparison.end == .exited(1), "\(comparison.errorText)")
    }

    @Test("compare writes JSON and Markdown that agree with run-edge")
    func compareReportsWhatTheRuntimeAnswers() throws {
        let folder = try TemporaryFolder()
        let container = try TopicClassifier.container(preset: "int8")
        let float = try TopicClassifier.container(preset: "float")
        let run = try Program.compare.run([
            TopicClassifier.folder, container, float, "--data", Self.data, "--seconds", "0",
            "--lengths", "16", "--json", "\(folder.path)/report.json", "--markdown",
            "\(folder.path)/report.md",
        ])
        try run.expectDone()
        #expect(run.output.isEmpty)
        #expect(try folder.names == ["report.json", "report.md"])
        let report = try JSON.object(try folder.read("report.json"))
        let containers = try #require(report["containers"] as? [[String: Any]])
        #expect(containers.compactMap { $0["file"] as? String } == [container, float])
        let truth = try TopicClassifier.lines("evaluation.jsonl").compactMap {
            $0["label"] as? String
        }
        let markdown = String(decoding: try folder.read("report.md"), as: UTF8.self)
        for (path, entry) in zip([container, float], containers) {
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            #expect(entry["bytes"] as? Int == size)
            let decisions = try #require(entry["decisions"] as? [String: Any])
            #expect(decisions["accuracy"] as? Double == share(try labels(path), truth))
            #expect((entry["cosine_mean"] as? Double ?? 0) > 0.999)
            #expect(markdown.contains(path))
            let bench = try Program.runEdge.run([
                "bench", path, "--lengths", "16", "--seconds", "0", "--json",
            ])
            let digests = try [try bench.json(), #require(entry["benchmark"] as? [String: Any])]
                .map { try #require($0["lengths"] as? [[String: Any]])[0]["outputs_sha256"] }
            #expect(digests[0] as? String == digests[1] as? String)
        }
    }

    @Test("compare refuses what it cannot compare in one line and leaves no report")
    func compareRefusesInOneLine() throws {
        let folder = try TemporaryFolder()
        let report = "\(folder.path)/report.md"
        let container = try TopicClassifier.container(preset: "int8")
        let other = try CompressedModels.path(of: .plain, preset: "int8")
        let checkpoint = TopicClassifier.folder
        let models = [checkpoint, container]
        let data = ["--data", Self.data]
        let cases: [(arguments: [String], status: Int32, word: String)] = [
            ([], 2, "checkpoint"), ([checkpoint], 2, ".atn"), (models, 2, "--data"),
            (models + data + ["-o", "a.html"], 2, "HTML"),
            (models + data + ["--device-profile", "a"], 2, "not available"),
            (models + ["--data", "missing.jsonl", "-o", report], 2, "missing.jsonl"),
            ([checkpoint, "missing.atn", "-o", report] + data, 3, "missing.atn"),
            (["missing", container, "-o", report] + data, 3, "missing"),
            ([checkpoint, other, "-o", report] + data, 1, other),
            (models + data + ["-o", "/proc/report.md", "--limit", "1"], 2, "/proc/report.md"),
        ]
        for (arguments, status, word) in cases {
            try Program.compare.run(arguments).expectRefusal(status, naming: [word])
            #expect(try folder.names.isEmpty, "\(arguments)")
        }
    }

    private func labels(_ container: String) throws -> [String] {
        let run = try Program.runEdge.run([container, "--input", Self.data])
        try run.expectDone()
        return try run.lines.map { try #require(try JSON.object($0)["label"] as? String) }
    }

    private func share(_ left: [String], _ right: [String]) -> Double {
        Double(zip(left, right).filter { $0 == $1 }.count) / Double(right.count)
    }
}
