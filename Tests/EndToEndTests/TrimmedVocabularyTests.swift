import Foundation
import Testing

/// `trim-vocabulary` from the recipe to the answers of `run-edge`.
@Suite struct TrimmedVocabularyTests {
    private let folder: TemporaryFolder
    private let whole: String
    private let trimmed: String
    private let corpus: String
    private let compressing: ProgramRun

    init() throws {
        folder = try TemporaryFolder()
        corpus = "\(TopicClassifier.folder)/calibration.jsonl"
        try folder.write(
            "recipe.json", Array(#"{"passes":[{"pass":"trim-vocabulary"}]}"#.utf8))
        whole = try TopicClassifier.container(preset: "float")
        trimmed = "\(folder.path)/model.atn"
        compressing = try Program.compress.run([
            TopicClassifier.folder, "-o", trimmed, "--recipe", "\(folder.path)/recipe.json",
            "--calibration", corpus, "--eval", "\(TopicClassifier.folder)/evaluation.jsonl",
        ])
    }

    private func answers(_ model: String, _ arguments: [String]) throws -> [Substring] {
        let run = try Program.runEdge.run([model] + arguments)
        try run.expectDone()
        return run.lines
    }

    private func size(_ path: String) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: path)).count
    }

    @Test("The file shrinks, and compress says by how many tokens and bytes")
    func theFileShrinks() throws {
        try compressing.expectDone()
        #expect(compressing.outputText.contains("tokens left out, "))
        #expect(compressing.outputText.contains("accuracy: "))
        #expect(try size(trimmed) < size(whole) - 400_000)
    }

    /// The corpus is what the model reads: of longer texts, the tokens behind its limit may go.
    @Test("Texts of the corpus keep their tokens and the bits of their answers")
    func theCorpusKeepsItsAnswers() throws {
        func lines(_ model: String, _ arguments: [String]) throws -> [Substring] {
            let run = try Program.runEdge.run(arguments + [model, "--input", corpus])
            try run.expectDone()
            return run.lines
        }
        let counts = try lines(whole, ["tokenize"]).map { line in
            JSON.numbers(try JSON.object(line)["ids"]).count
        }
        let short = counts.indices.filter { counts[$0] <= 128 }
        #expect(short.count > 60 && short.count < counts.count)
        for arguments in [["tokenize"], [], ["--task", "raw"]] {
            let found = try lines(trimmed, arguments)
            let expected = try lines(whole, arguments)
            #expect(found.count == counts.count && expected.count == counts.count)
            let differing = short.filter { found[$0] != expected[$0] }
            #expect(differing.isEmpty, "\(arguments)")
            // Cut texts have the same answers, with another number of tokens that were cut.
            for index in counts.indices where arguments == ["--task", "raw"] {
                #expect(
                    JSON.writtenNumbers(String(found[index]), member: "output")
                        == JSON.writtenNumbers(String(expected[index]), member: "output"))
            }
        }
    }

    @Test("Other texts are cut into kept pieces")
    func otherTextsAreCut() throws {
        let texts = try TopicClassifier.lines("evaluation.jsonl").map { line in
            try #require(line["text"] as? String)
        }
        func ids(_ model: String) throws -> [[Int]] {
            let run = try Program.runEdge.run([
                "tokenize", model, "--input", "\(TopicClassifier.folder)/evaluation.jsonl",
            ])
            try run.expectDone()
            return try run.lines.map { JSON.numbers(try JSON.object($0)["ids"]).map { Int($0) } }
        }
        let (before, after) = (try ids(whole), try ids(trimmed))
        #expect(before.count == texts.count && after.count == texts.count)
        let unknown = try unknownID()
        #expect(zip(before, after).contains { $0 != $1 })
        for (before, after) in zip(before, after) {
            #expect(after.count { $0 == unknown } <= before.count { $0 == unknown })
            #expect(after.count >= before.count)
        }
    }

    private func unknownID() throws -> Int {
        let vocabulary = try String(
            contentsOfFile: "\(TopicClassifier.folder)/vocab.txt", encoding: .utf8)
        return try #require(vocabulary.split(separator: "\n").firstIndex(of: "[UNK]"))
    }

    @Test("An id that was left out counts as the unknown token")
    func leftOutIDs() throws {
        // What no text of the corpus has: of a long word, the tokens that are there no more.
        let vocabulary = try String(
            contentsOfFile: "\(TopicClassifier.folder)/vocab.txt", encoding: .utf8
        ).split(separator: "\n")
        let used = try Program.runEdge.run(["tokenize", whole, "--input", corpus])
        let ids = Set(
            try used.lines.flatMap { JSON.numbers(try JSON.object($0)["ids"]).map { Int($0) } })
        let missing = try #require(
            vocabulary.indices.last { !ids.contains($0) && vocabulary[$0].count > 5 })
        let unknown = try unknownID()
        func raw(_ model: String, _ id: Int) throws -> [Substring] {
            try answers(model, ["--task", "raw", "--ids", "2,\(id),3"])
        }
        #expect(try raw(trimmed, missing) == raw(trimmed, unknown))
        #expect(try raw(whole, missing) != raw(whole, unknown))
        #expect(try raw(trimmed, unknown) == raw(whole, unknown))
        let run = try Program.runEdge.run([trimmed, "--ids", "\(vocabulary.count)"])
        #expect(run.end == .exited(1))
    }

    @Test("Without a corpus nothing is left out, and compress says so")
    func withoutACorpus() throws {
        let run = try Program.compress.run([
            TopicClassifier.folder, "-o", "\(folder.path)/other.atn", "--recipe",
            "\(folder.path)/recipe.json",
        ])
        try run.expectDone()
        #expect(run.outputText.contains("pass 'trim-vocabulary' changed nothing"))
        #expect(try size("\(folder.path)/other.atn") > size(trimmed))
    }
}
