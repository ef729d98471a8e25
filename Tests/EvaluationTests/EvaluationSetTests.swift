import Checkpoints
import ModelGraph
import Testing

@testable import Evaluation

@Suite struct EvaluationSetTests {
    private func parse(
        _ text: String, format: DataFormat = .jsonLines, limit: Int? = nil
    ) throws -> EvaluationSet {
        try Array(text.utf8).withUnsafeBytes {
            try EvaluationSet(file: "data", bytes: $0, format: format, limit: limit)
        }
    }

    /// The problem of a line that stands after a usable one.
    private func problem(_ line: String) throws -> LineProblem {
        let data = try parse("{\"ids\":[1]}\n\(line)\n")
        #expect(data.examples.count == 1)
        let failure = try #require(data.failures.first)
        #expect(data.failures.count == 1)
        #expect(failure.line == 2)
        return failure.problem
    }

    @Test func membersBecomeExamples() throws {
        let data = try parse(
            """
            {"text": "déjà \\u00e9", "label": "net", "weight": 3}

            {"text": "a", "text_pair": "b"}
            {"ids": [101, 7], "type_ids": [0, 1], "label": null}\r
            """)
        #expect(data.failures.isEmpty)
        #expect(data.labelledCount == 1)
        #expect(
            data.examples == [
                EvaluationExample(
                    line: 1, input: .text(Array("déjà é".utf8), pair: nil), label: "net"),
                EvaluationExample(
                    line: 3, input: .text(Array("a".utf8), pair: Array("b".utf8))),
                EvaluationExample(
                    line: 4, input: .tokens(TokenSequence(ids: [101, 7], typeIDs: [0, 1]))),
            ])
    }

    @Test func plainLinesBecomeTexts() throws {
        let data = try parse("one\r\n \t\n{two}", format: .plainText)
        #expect(
            data.examples == [
                EvaluationExample(line: 1, input: .text(Array("one".utf8), pair: nil)),
                EvaluationExample(line: 3, input: .text(Array("{two}".utf8), pair: nil)),
            ])
    }

    @Test func limitCountsUsableLines() throws {
        let data = try parse("nonsense\n{\"ids\":[1]}\n{\"ids\":[2]}\n{\"ids\":[3]}\n", limit: 2)
        #expect(data.examples.map(\.line) == [2, 3])
        #expect(data.failures.map(\.line) == [1])
    }

    @Test func malformedJSONIsRefused() throws {
        #expect(try problem("{\"text\": ") == .json(.unexpectedEnd(offset: 9)))
        #expect(try problem("[1, 2]") == .notAnObject(found: "an array"))
        let deep = String(repeating: "[", count: 100)
        guard case .json(.nestedTooDeeply) = try problem("{\"a\": \(deep)") else {
            Issue.record("deep nesting was not refused")
            return
        }
    }

    @Test func membersOfTheWrongTypeAreRefused() throws {
        #expect(
            try problem("{\"text\": 7}")
                == .wrongType(member: "text", expected: "a string", found: "an integer"))
        #expect(
            try problem("{\"text\": \"a\", \"label\": 1}")
                == .wrongType(member: "label", expected: "a string", found: "an integer"))
        #expect(
            try problem("{\"ids\": \"1\"}")
                == .wrongType(
                    member: "ids", expected: "an array of integers", found: "a string"))
        #expect(
            try problem("{\"ids\": [1, 1.5]}")
                == .wrongType(
                    member: "ids", expected: "an array of integers",
                    found: "a number at position 1"))
        #expect(
            try problem("{\"ids\": [1, 4294967296]}")
                == .idOutOfRange(member: "ids", position: 1, id: 4_294_967_296))
    }

    @Test func contradictoryMembersAreRefused() throws {
        #expect(try problem("{}") == .noInput)
        #expect(try problem("{\"text\": null}") == .noInput)
        #expect(try problem("{\"text\": \"a\", \"ids\": [1]}") == .textAndIDs)
        #expect(
            try problem("{\"text_pair\": \"a\", \"ids\": [1]}")
                == .needs(member: "text_pair", other: "text"))
        #expect(
            try problem("{\"text\": \"a\", \"type_ids\": [0]}")
                == .needs(member: "type_ids", other: "ids"))
        #expect(try problem("{\"ids\": []}") == .noTokens)
        #expect(
            try problem("{\"ids\": [1, 2], \"type_ids\": [0]}")
                == .typeCountMismatch(tokens: 2, types: 1))
        #expect(
            try problem("{\"text\": \"a\", \"image\": \"a.png\"}") == .unsupportedMember("image"))
    }

    @Test func longLinesAreRefused() throws {
        let limit = EvaluationSet.maximumLineByteCount
        let long = "{\"text\": \"\(String(repeating: "a", count: limit))\"}"
        #expect(try problem(long) == .tooLong(byteCount: limit + 12, limit: limit))
    }

    @Test func invalidUTF8IsRefused() throws {
        let bytes: [UInt8] = Array("good\nb".utf8) + [0xff] + Array("d".utf8)
        let data = try bytes.withUnsafeBytes {
            try EvaluationSet(file: "data", bytes: $0, format: .plainText)
        }
        #expect(data.failures == [LineFailure(line: 2, problem: .notUTF8(offset: 1))])
    }

    @Test func emptySetsAreRefused() {
        #expect(throws: EvaluationError.noExamples(file: "data", first: nil)) { try parse("\n \n") }
        #expect(
            throws: EvaluationError.noExamples(
                file: "data", first: LineFailure(line: 2, problem: .noInput))
        ) { try parse("\n{}\n[]") }
    }

    @Test func filesAreReadByTheirNames() throws {
        let folder = try TemporaryFolder()
        let json = try folder.write("a.jsonl", text: "{\"ids\": [5]}")
        let text = try folder.write("a.txt", text: "{\"ids\": [5]}")
        let other = try folder.write("a.csv", text: "5")
        #expect(
            try EvaluationSet(file: json).examples[0].input == .tokens(TokenSequence(ids: [5])))
        #expect(
            try EvaluationSet(file: text).examples[0].input
                == .text(Array("{\"ids\": [5]}".utf8), pair: nil))
        #expect(throws: EvaluationError.unknownDataFormat(file: other)) {
            try EvaluationSet(file: other)
        }
        let missing = "\(folder.path)/b.txt"
        #expect(throws: EvaluationError.unreadable(file: missing, errno: 2)) {
            try EvaluationSet(file: missing)
        }
    }

    @Test func messagesNameTheLineAndTheThing() {
        let failure = LineFailure(line: 7, problem: .unknownLabel("x\ny", known: ["a", "b"]))
        #expect(
            failure.description
                == "line 7: label 'x?y' is not one of the model's 2 labels: 'a', 'b'")
        #expect(
            EvaluationError.noExamples(file: "d.txt", first: failure).description
                == "d.txt: no line can be used; " + failure.description)
    }
}
