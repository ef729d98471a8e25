import Foundation
import Testing

/// The protocol of `--input`: one answer for each line, in order, whatever the line is.
@Suite struct InputLinesTests {
    private enum Answer: Equatable {
        case label
        case error(containing: String)
    }

    @Test("Bad JSON lines get an error in their place and the others are answered")
    func badLinesGetAnErrorInTheirPlace() throws {
        try expect(
            [
                ("{\"ids\":[1,2,3]}", .label),
                ("", .error(containing: "not valid JSON")),
                ("{", .error(containing: "not valid JSON")),
                ("[1,2]", .error(containing: "not a JSON object")),
                ("hello", .error(containing: "not a JSON object")),
                ("{}", .error(containing: "neither 'text' nor 'ids'")),
                ("{\"text\":null}", .error(containing: "neither 'text' nor 'ids'")),
                ("{\"text\":5}", .error(containing: "'text'")),
                ("{\"ids\":\"1\"}", .error(containing: "'ids'")),
                ("{\"ids\":[1.5]}", .error(containing: "'ids'")),
                ("{\"ids\":[4294967296]}", .error(containing: "'ids'")),
                ("{\"ids\":[]}", .error(containing: "no tokens")),
                ("{\"ids\":[-1]}", .error(containing: "-1")),
                ("{\"ids\":[100]}", .error(containing: "100")),
                ("{\"ids\":[1,2],\"type_ids\":[0]}", .error(containing: "1 token types for 2")),
                ("{\"ids\":[1],\"type_ids\":[2]}", .error(containing: "token type 2")),
                ("{\"ids\":[1],\"type_ids\":[1]}", .label),
                ("{\"ids\":[1]} x", .error(containing: "not valid JSON")),
                ("{\"ids\":[1],}", .error(containing: "not valid JSON")),
                (String(repeating: "[", count: 100_000), .error(containing: "JSON")),
                (
                    "{\"a\":\(String(repeating: "[", count: 100_000))",
                    .error(containing: "32 levels")
                ),
                ("{\"other\":{\"a\":[1,{\"b\":null}],\"c\":-1.5e3},\"ids\":[1]}", .label),
                (" \t{ \"ids\" : [ 1 , 2 ] } ", .label),
                ("{\"text\":\"hello\"}", .label),
            ])
    }

    @Test("Text of any bytes is answered or refused, never fatal")
    func oddTextsAreAnswered() throws {
        try expect(
            [
                ("{\"text\":\"\"}", .label),
                ("{\"text\":\"a\\u0000b\"}", .label),
                ("{\"text\":\"\\ud83d\\ude00\"}", .label),
                ("{\"text\":\"\\ud800\"}", .error(containing: "surrogate")),
                ("{\"text\":\"\\udc00x\"}", .error(containing: "surrogate")),
                ("{\"text\":\"\\ud800\\u0041\"}", .error(containing: "surrogate")),
                ("{\"text\":\"\\u12\"}", .error(containing: "not valid JSON")),
                ("{\"text\":\"\\q\"}", .error(containing: "not valid JSON")),
                ("{\"text\":\"a\tb\"}", .error(containing: "not valid JSON")),
                ("{\"text\":\"a", .error(containing: "not valid JSON")),
                ("{\"text\":\"e\\u0301 \\u200b\\ufeff\\ufffe 中文 Ω\"}", .label),
                ("{\"text\":\"a\",\"text_pair\":\"b\"}", .label),
            ])
        var invalid: [[UInt8]] = []
        for bytes: [UInt8] in [
            [0x80], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
            [0xff, 0xfe], [0x61, 0xe2, 0x82],
        ] {
            invalid.append(Array("{\"text\":\"".utf8) + bytes + Array("\"}".utf8))
        }
        // A zero byte is no JSON inside a string.
        invalid.append(Array("{\"text\":\"a".utf8) + [0] + Array("b\"}".utf8))
        let run = try answer(invalid.flatMap { $0 + [0x0a] })
        #expect(run.end == .exited(1))
        #expect(run.lines.count == invalid.count)
        for line in run.lines { #expect(try JSON.object(line)["error"] is String) }
    }

    @Test("Invalid UTF-8 on the command line fails as input")
    func invalidArgumentsFail() throws {
        let model = Array(try CompressedModels.letterClassifier(preset: "int8").utf8)
        for option in ["--text", "--text-pair"] {
            var arguments = [model, Array(option.utf8), [0x61, 0xff, 0x62]]
            if option == "--text-pair" { arguments += [Array("--text".utf8), [0x61]] }
            let run = try Program.runEdge.run(bytes: arguments)
            run.expectRefusal(1, naming: ["not valid UTF-8"])
        }
    }

    @Test("CRLF, a missing final newline and an empty input are all right")
    func lineEndsDoNotMatter() throws {
        let reference = try answer(Array("{\"ids\":[1]}\n{\"text\":\"a b\"}\n".utf8))
        try reference.expectDone()
        #expect(reference.lines.count == 2)
        for input in [
            "{\"ids\":[1]}\r\n{\"text\":\"a b\"}\r\n", "{\"ids\":[1]}\n{\"text\":\"a b\"}",
        ] {
            let run = try answer(Array(input.utf8))
            try run.expectDone()
            #expect(run.output == reference.output)
        }
        let nothing = try answer([])
        try nothing.expectDone()
        #expect(nothing.output.isEmpty)
    }

    @Test("A .txt file is one text a line, also with zero bytes, empty lines and invalid UTF-8")
    func textFilesHaveATextInEveryLine() throws {
        let folder = try TemporaryFolder()
        let model = try CompressedModels.letterClassifier(preset: "int8")
        let lines: [[UInt8]] = [
            Array("a b".utf8), [], [0x61, 0, 0x62], [0x61, 0xff], Array("{\"ids\":[1]}".utf8),
            Array("a b\r".utf8), Array("last".utf8),
        ]
        let file = try folder.write("texts.txt", Array(lines.joined(separator: [0x0a])))
        let run = try Program.runEdge.run([model, "--input", file])
        #expect(run.end == .exited(1))
        #expect(run.errors.isEmpty)
        try #require(run.lines.count == lines.count)
        for (index, line) in run.lines.enumerated() {
            let member = index == 3 ? "error" : "label"
            #expect(try JSON.object(line)[member] is String, "line \(index)")
        }
        #expect(run.lines[0] == run.lines[5])
        // What a line of a text file means does not depend on how it looks.
        let asText = try Program.runEdge.run(
            [model, "--input", "-"], input: Array("{\"text\":\"{\\\"ids\\\":[1]}\"}\n".utf8))
        #expect(asText.lines.first == run.lines[4])
    }

    @Test("A single word of 10 MB is answered, as text and as JSON")
    func oneVeryLongWordIsAnswered() throws {
        let folder = try TemporaryFolder()
        let model = try CompressedModels.letterClassifier(preset: "int8")
        let word = [UInt8](repeating: 0x61, count: 10_000_000)
        let text = try folder.write("word.txt", word)
        let json = try folder.write(
            "word.jsonl", Array("{\"text\":\"".utf8) + word + Array("\"}\n".utf8))
        let outputs = try [text, json].map { path in
            let run = try Program.runEdge.run([model, "--input", path])
            try run.expectDone()
            #expect(run.lines.count == 1)
            return run.output
        }
        #expect(outputs[0] == outputs[1])
        // One unknown word between the special tokens.
        let tokens = try Program.runEdge.run(["tokenize", model, "--input", text])
        try tokens.expectDone()
        #expect(try tokens.json()["tokens"] as? [String] == ["[CLS]", "[UNK]", "[SEP]"])
    }

    @Test("A line over the limit of 64 MiB gets an error and the next one is answered")
    func linesOverTheLimitGetAnError() throws {
        let long = [UInt8](repeating: 0x20, count: (64 << 20) + 1)
        let run = try answer(long + Array("\n{\"ids\":[1]}\n".utf8))
        #expect(run.end == .exited(1))
        #expect(run.lines.count == 2)
        #expect(run.lines.first?.contains("longer than") == true)
        #expect(run.lines.last?.contains("label") == true)
    }

    @Test("A text that is too long is cut, and the answer says so")
    func longTextsAreCut() throws {
        let model = try CompressedModels.letterClassifier(preset: "int8")
        let text = String(repeating: "a ", count: 100)
        let line = try Program.runEdge.run(
            [model, "--input", "-"], input: Array("{\"text\":\"\(text)\"}\n".utf8))
        try line.expectDone()
        #expect(try line.json()["truncated_from"] as? Int == 102)
        let single = try Program.runEdge.run([model, "--text", text, "--json"])
        try single.expectDone()
        #expect(single.output == line.output)
        single.expectOneLine(naming: ["102", "\(TinyBert.maximumTokens)"])
    }

    @Test("An input file that is missing, a folder or of another kind is refused")
    func unusableInputFilesAreRefused() throws {
        let model = try CompressedModels.path(of: .plain, preset: "int8")
        let folder = try TemporaryFolder()
        try folder.write("data.csv", "1,2".utf8)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/folder.jsonl", withIntermediateDirectories: false)
        for (name, status) in [("missing.jsonl", 2), ("data.csv", 2), ("folder.jsonl", 1)] {
            let run = try Program.runEdge.run([model, "--input", "\(folder.path)/\(name)"])
            run.expectRefusal(Int32(status), naming: [name])
        }
    }

    @Test("Each line is answered before the next one is read")
    func answersAreFlushedByLine() throws {
        // The second line never ends in time, so the first answer can only come early.
        let model = try CompressedModels.path(of: .plain, preset: "int8")
        let folder = try TemporaryFolder()
        let script = """
            mkfifo "$1/in"; ("$2" "$3" --input - < "$1/in" > "$1/out") & exec 3> "$1/in"
            echo '{"ids":[1]}' >&3; tries=0
            while [ ! -s "$1/out" ] && [ $tries -lt 500 ]; do sleep 0.02; tries=$((tries+1)); done
            wc -l < "$1/out"; exec 3>&-; wait
            """
        let running = try RunningProgram(
            path: "/bin/sh",
            arguments: ["-c", script, "sh", folder.path, Program.runEdge.path, model].map {
                Array($0.utf8)
            }, input: [], environment: [:], output: .captured)
        let run = try running.wait(limit: 60)
        #expect(run.end == .exited(0))
        #expect(run.outputText.trimmingCharacters(in: .whitespaces) == "1\n", "\(run.errorText)")
    }

    private func answer(_ input: [UInt8]) throws -> ProgramRun {
        let model = try CompressedModels.letterClassifier(preset: "int8")
        return try Program.runEdge.run([model, "--input", "-"], input: input)
    }

    private func expect(
        _ cases: [(line: String, answer: Answer)],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let run = try answer(cases.flatMap { Array($0.line.utf8) + [0x0a] })
        let hasErrors = cases.contains { $0.answer != .label }
        #expect(run.end == .exited(hasErrors ? 1 : 0), sourceLocation: sourceLocation)
        #expect(run.errors.isEmpty, "\(run.errorText)", sourceLocation: sourceLocation)
        try #require(run.lines.count == cases.count, sourceLocation: sourceLocation)
        for (line, expected) in zip(run.lines, cases) {
            let json = try JSON.object(line)
            let name = expected.line.prefix(60)
            switch expected.answer {
            case .label:
                #expect(json["label"] is String, "\(name): \(line)", sourceLocation: sourceLocation)
            case .error(let text):
                let message = try #require(
                    json["error"] as? String, "\(name)", sourceLocation: sourceLocation)
                #expect(message.contains(text), "\(name)", sourceLocation: sourceLocation)
                #expect(json.count == 1, sourceLocation: sourceLocation)
            }
        }
    }
}
