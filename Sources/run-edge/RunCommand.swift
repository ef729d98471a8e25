import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// `run-edge <model.atn> …`: answers one input or a file of inputs.
enum RunCommand {
    private static let options = OptionList(
        ModelOptions.list + [
            ("--text", .value), ("--text-pair", .value), ("--ids", .value), ("--input", .value),
            ("--task", .value), ("--image", .notAvailable), ("--decoder-ids", .notAvailable),
            ("--max-tokens", .notAvailable), ("--beam", .notAvailable),
            ("--temperature", .notAvailable), ("--top-k", .notAvailable),
            ("--top-p", .notAvailable), ("--seed", .notAvailable),
            ("--attention", .notAvailable), ("--socket", .notAvailable),
        ])

    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let arguments: Arguments
        let ids: [Int]?
        do {
            arguments = try Arguments(list, options: options)
            ids = try arguments.integers("--ids", in: 0...Int(Int32.max))
            try checkSources(arguments)
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        let model = try ModelOptions(arguments)
        let task = try arguments.value("--task").map { name throws(Failure) in
            try self.task(named: name)
        }
        let engine = try model.engine()
        let responder = try Responder(engine, task: task ?? engine.task, model: model.path)
        if let path = arguments.value("--input") {
            return try answerLines(of: path, responder, model: model.path)
        }
        var input = InputLine()
        input.text = arguments.value("--text")
        input.textPair = arguments.value("--text-pair")
        input.ids = ids.map { $0.map { Int32($0) } }
        return try answer(
            input, responder, model: model.path, asJSON: arguments.has("--json"))
    }

    private static func checkSources(_ arguments: Arguments) throws(UsageError) {
        let sources: [StaticString] = ["--text", "--ids", "--input"]
        let given = sources.filter { arguments.has($0) }
        if arguments.has("--help") { return }
        guard let first = given.first else {
            throw .missingArgument("an input (--text, --ids or --input)")
        }
        if given.count > 1 { throw .together("\(first)", "\(given[1])") }
        if arguments.has("--text-pair"), !arguments.has("--text") {
            throw .missingTogether("--text-pair", needs: "--text")
        }
    }

    private static func task(named name: [UInt8]) throws(Failure) -> EngineTask {
        if let task = EngineTask(name: name) { return task }
        let text = String(decoding: name, as: UTF8.self)
        for later: StaticString in ["generate", "translate", "fill"] where isSame(name, later) {
            throw Failure(.notAvailable(option: "--task \(text)"))
        }
        throw Failure(
            .unknownValue(option: "--task", value: text, known: "embed, classify, raw"))
    }

    /// Answers one input.
    private static func answer(
        _ input: InputLine, _ responder: Responder, model path: [UInt8], asJSON: Bool
    ) throws(Failure) -> ExitStatus {
        let response: Response
        do {
            response = try responder.respond(to: input)
        } catch {
            if error.isOfModel { throw Failure(error, model: path) }
            throw Failure(error.message, .someInputFailed)
        }
        if let count = response.truncatedFrom {
            Console.report(
                "run-edge",
                "the text has \(count) tokens; "
                    + "only \(response.tokenCount) fit, the rest was cut")
        }
        Console.write((asJSON ? response.json : response.text) + [0x0a])
        return .done
    }

    /// Answers every line of a file or of standard input with one line, those that are there already
    /// together.
    private static func answerLines(
        of path: [UInt8], _ responder: Responder, model: [UInt8]
    ) throws(Failure) -> ExitStatus {
        typealias Prepared = Result<Responder.Prepared, LineFailure>
        var source = try InputSource(path)
        func next() throws(Failure) -> Prepared? {
            guard let line = try source.next() else { return nil }
            return line.flatMap { line in
                do throws(LineFailure) {
                    return .success(try responder.prepare(line))
                } catch {
                    return .failure(error)
                }
            }
        }
        func rows(_ prepared: Prepared) -> Int {
            (try? prepared.get()).map { responder.batchRows($0) } ?? 0
        }
        var status = ExitStatus.done
        var first = try next()
        while let start = first {
            var batch = [start]
            var total = rows(start)
            first = nil
            while first == nil, batch.count < 1024, source.hasLine, let more = try next() {
                total += rows(more)
                if total <= responder.batchLimit {
                    batch.append(more)
                } else {
                    first = more
                }
            }
            for answer in responder.respond(to: batch) {
                let output: [UInt8]
                switch answer {
                case .success(let response): output = response.json
                case .failure(let error):
                    if error.isOfModel { throw Failure(error, model: model) }
                    status = .someInputFailed
                    output = error.json
                }
                // A reader that went away is not an error of ours.
                guard Console.write(output + [0x0a]) else { return status }
            }
            if first == nil { first = try next() }
        }
        return status
    }
}
