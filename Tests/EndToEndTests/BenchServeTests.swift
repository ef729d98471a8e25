import Testing

/// `run-edge bench --serve`, which tools/bench asks for measurements in turn with other runtimes.
@Suite struct BenchServeTests {
    @Test("Each request is answered with its times and the digest of the outputs")
    func requestsAreAnswered() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        let run = try Program.runEdge.run(
            ["bench", path, "--serve", "--threads", "1"], input: Array("3 5\n7 1\n3 1\n".utf8))
        try run.expectDone()
        let answers = try run.lines.map { try JSON.object($0) }
        try #require(answers.count == 3)
        #expect(answers.map { $0["tokens"] as? Int } == [3, 7, 3])
        for answer in answers {
            let times = JSON.numbers(answer["times_ms"])
            #expect(!times.isEmpty && times.allSatisfy { $0 > 0 })
        }
        let digests = answers.map { $0["outputs_sha256"] as? String }
        #expect(digests[0] == digests[2] && digests[0] != digests[1])
        // The digest is that of an ordinary bench run.
        let bench = try Program.runEdge.run(
            ["bench", path, "--lengths", "3", "--seconds", "0", "--threads", "1", "--json"])
        let rows = try #require(try bench.json()["lengths"] as? [[String: Any]])
        #expect(rows.first?["outputs_sha256"] as? String == digests[0])
    }

    @Test("A request that cannot be run is answered with an error, and the others go on")
    func badRequestsAreNamed() throws {
        let path = try CompressedModels.path(of: .plain, preset: "int8")
        let run = try Program.runEdge.run(
            ["bench", path, "--serve"], input: Array("nonsense\n100000 1\n3 1\n".utf8))
        #expect(run.end == .exited(1))
        let answers = try run.lines.map { try JSON.object($0) }
        try #require(answers.count == 3)
        #expect(answers[0]["error"] is String && answers[1]["error"] is String)
        #expect(answers[2]["tokens"] as? Int == 3)
    }
}
