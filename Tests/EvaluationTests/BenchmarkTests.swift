import Foundation
import Testing

@testable import Evaluation

@Suite struct BenchmarkTests {
    private let json = """
        {"isa":"avx2","threads":2,"load_ms":5.5,"first_ms":1.25,"rss_bytes":1048576,"lengths":[\
        {"tokens":16,"median_ms":2,"min_ms":1.5,"p90_ms":3,"p99_ms":4,"runs":9,\
        "outputs_sha256":"ab"}],"new":1}
        """
    private let benchmark = Benchmark(
        instructionSet: "avx2", threadCount: 2, loadMilliseconds: 5.5, firstMilliseconds: 1.25,
        peakResidentByteCount: 1 << 20,
        lengths: [
            .init(
                tokenCount: 16, medianMilliseconds: 2, minimumMilliseconds: 1.5,
                p90Milliseconds: 3, p99Milliseconds: 4, runCount: 9, outputsDigest: "ab")
        ])

    @Test func outputOfTheRuntimeIsRead() throws {
        #expect(try Benchmark(json: Data(json.utf8), program: "p") == benchmark)
    }

    @Test func ownOutputIsReadBack() throws {
        let json = try benchmark.json(program: "p")
        #expect(try Benchmark(json: Data(json), program: "p") == benchmark)
    }

    @Test func otherOutputIsRefused() {
        #expect(throws: EvaluationError.programOutput("p", reason: "it is not valid JSON")) {
            try Benchmark(json: Data("{".utf8), program: "p")
        }
        #expect(
            throws: EvaluationError.programOutput("p", reason: "member 'threads' is missing")
        ) { try Benchmark(json: Data("{\"isa\":\"avx2\"}".utf8), program: "p") }
        #expect(
            throws: EvaluationError.programOutput("p", reason: "member 'isa' has the wrong type")
        ) { try Benchmark(json: Data("{\"isa\":1}".utf8), program: "p") }
    }

    @Test func programsAreRunWithTheirArguments() throws {
        let folder = try TemporaryFolder()
        let script = "#!/bin/sh\n[ \"$1\" = bench ] && cat <<'END'\n\(json)\nEND\n"
        let program = URL(
            fileURLWithPath: try folder.write("run-edge", text: script, permissions: 0o755))
        #expect(try Benchmark.run(program: program, arguments: ["bench"]) == benchmark)
        #expect(throws: EvaluationError.programFailed("run-edge", status: 1)) {
            try Benchmark.run(program: program, arguments: ["other"])
        }
    }

    @Test func programsThatCannotStartAreErrors() throws {
        let folder = try TemporaryFolder()
        let program = URL(fileURLWithPath: "\(folder.path)/missing")
        let error = #expect(throws: EvaluationError.self) {
            try Benchmark.run(program: program, arguments: [])
        }
        guard case .programNotStarted("missing", _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func programsAreSoughtInOrder() throws {
        let first = try TemporaryFolder()
        let second = try TemporaryFolder()
        _ = try first.write("tool", text: "", permissions: 0o644)
        _ = try second.write("tool", text: "", permissions: 0o755)
        let found = try ProgramSearch.find("tool", in: [first.path, second.path])
        #expect(found.path == "\(second.path)/tool")
        #expect(throws: EvaluationError.programNotFound("tool")) {
            try ProgramSearch.find("tool", in: [first.path])
        }
    }
}
