import Foundation
import Testing

/// The built library, from C and from Python.
@Suite(
    .enabled(
        if: SharedLibrary.folder != nil,
        "needs the library of tools/build-library --tests host, which tools/test builds"))
struct SharedLibraryTests {
    private let folder: String
    private let model: String
    private let texts: [String]

    init() throws {
        folder = try #require(SharedLibrary.folder)
        model = try TopicClassifier.container(preset: "int8")
        texts =
            try TopicClassifier.samples().prefix(8).map { $0.text }
            + ["", "Grüße, 世界 \u{1F600}"]
    }

    @Test("Both libraries define the functions of the header and no other global symbol")
    func theSymbolsAreThoseOfTheHeader() throws {
        let declared = try SharedLibrary.declaredFunctions().sorted()
        #expect(declared.count >= 9)
        let shared = try SharedLibrary.definedSymbols(
            "\(folder)/lib/libattenuate.so", ["--dynamic"])
        #expect(shared.sorted() == declared)
        let archive = try SharedLibrary.definedSymbols("\(folder)/lib/libattenuate.a", [])
        #expect(archive.sorted() == declared)
    }

    @Test("The example in C gives the numbers of run-edge", arguments: ["static", "shared"])
    func theExampleInC(kind: String) throws {
        let run = try SharedLibrary.run("\(folder)/programs/classify-\(kind)", [model] + texts)
        try SharedLibrary.expectClasses(run, of: texts, model: model)
        #expect(run.errors.isEmpty)
    }

    @Test("The example in C says in one line what is wrong", arguments: ["static", "shared"])
    func errorsOfTheExampleInC(kind: String) throws {
        let program = "\(folder)/programs/classify-\(kind)"
        let missing = try SharedLibrary.run(program, ["/no/such/model.atn", "a"])
        #expect(missing.end == .exited(3))
        #expect(missing.errorText == "classify: /no/such/model.atn: No such file or directory\n")
        let broken = try TemporaryFolder()
        let path = try broken.write("broken.atn", "not a container at all".utf8)
        let refused = try SharedLibrary.run(program, [path, "a"])
        #expect(refused.end == .exited(3))
        #expect(refused.output.isEmpty)
        #expect(refused.errors.filter { $0 == 0x0a }.count == 1, "\(refused.errorText)")
    }

    @Test("Threads that share a model get the bits of one", arguments: ["static", "shared"])
    func threadsShareAModel(kind: String) throws {
        for preset in ["int8", "float"] {
            let model = try TopicClassifier.container(preset: preset)
            let run = try SharedLibrary.run(
                "\(folder)/programs/shared_model-\(kind)", [model, "8", "100"])
            try run.expectDone()
            #expect(run.outputText == "8 threads agree\n")
        }
    }

    @Test("Opening, running and closing leave no memory, whether they succeed or fail")
    func nothingLeaks() throws {
        let run = try SharedLibrary.run("\(folder)/programs/repeated_use-static", [model, "20"])
        try run.expectDone()
        #expect(run.outputText == "all memory was given back\n")
    }

    @Test("The example in Python gives the numbers of run-edge")
    func theExampleInPython() throws {
        let run = try python(["\(TinyBert.root)/tools/examples/attenuate.py", model] + texts)
        try run.expectDone()
        try #require(run.lines.count == texts.count)
        for (text, line) in zip(texts, run.lines) {
            let expected = try SharedLibrary.Classes(of: text, model: model)
            #expect(try JSON.object(line)["label"] as? String == expected.label)
            let scores = try #require(line.range(of: "\"scores\": {"))
            let bits = line[scores.upperBound...].matches(of: /: ([-+.e0-9]+)/).compactMap {
                Float($0.output.1)?.bitPattern
            }
            #expect(bits == expected.scoreBits)
        }
    }

    @Test("Python runs a model from bytes, tokens, pairs and raw rows, and gets errors as such")
    func theModuleInPython() throws {
        let script = """
            import sys, threading
            from attenuate import *
            path, text = sys.argv[1:]
            with Model(path, threads=1) as a, Model(open(path, "rb").read(), threads=2) as b:
                ids, types = a.tokenize(text)
                result, rows = b.run(ids, task=RAW, types=types)
                assert result.row_count * result.column_count == len(rows)
                assert rows == a.run(text, task=RAW)[1]
                assert len(a.tokenize("mail", "mail")[0]) == 2 * len(a.tokenize("mail")[0]) - 1
                answers = []
                work = lambda: answers.append(b.classify(text))
                threads = [threading.Thread(target=work) for _ in range(4)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                assert answers == 4 * [a.classify(text)]
                for call, status in (
                        (lambda: a.run([]), 10), (lambda: a.run([-1]), 10),
                        (lambda: a.run(text, task=9), 1), (lambda: a.embed(text), 4),
                        (lambda: Model(b"nothing"), 3), (lambda: Model("/no/model"), 2),
                        (lambda: Model(path, memory_limit=1), 8),
                        (lambda: Model(path, instruction_set="mmx"), 5)):
                    try:
                        call()
                        assert False, status
                    except AttenuateError as error:
                        assert error.status == status and str(error), (status, error)
            try:
                a.classify(text)
                assert False
            except AttenuateError as error:
                assert error.status == 1 and str(error) == "model is null", error
            print("done")
            """
        let run = try python(["-c", script, model, texts[0]])
        try run.expectDone()
        #expect(run.outputText == "done\n")
    }

    private func python(_ arguments: [String]) throws -> ProgramRun {
        let python = ProcessInfo.processInfo.environment["ATTENUATE_PYTHON"] ?? "/usr/bin/python3"
        return try SharedLibrary.run(
            python, arguments,
            environment: [
                "ATTENUATE_LIBRARY": "\(folder)/lib/libattenuate.so",
                "PYTHONPATH": "\(TinyBert.root)/tools/examples",
                "PYTHONDONTWRITEBYTECODE": "1",
            ])
    }
}
