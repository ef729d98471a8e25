import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// `run-edge <model.atn> …`: answers one input or a file of inputs.
enum RunCommand {
    private static let options = OptionList(
        ModelOptions.list + [
            ("--text", .value), ("--text-pair", .value), ("--ids", .value), ("--input", .value),
            ("--task", .value), ("--image", .notAvailable), ("--decoder-ids", .notAvailable),
            ("--beam", .notAvailable), ("--attention", .notAvailable), ("--socket", .value),
            ("--chat", .notAvailable), ("--system", .notAvailable),
        ] + GenerationArguments.list)

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
        let socketPath = arguments.value("--socket")
        if let socketPath { try SocketServer.check(socketPath) }
        let generation = try GenerationArguments(arguments)
        let engine = try model.engine()
        let responder = try Responder(
            engine, task: task ?? engine.task, generation: generation,
            model: model.path)
        if let path = arguments.value("--input") {
            return try answerLines(of: path, responder, model: model.path)
        }
        if let socketPath {
            try SocketServer(socketPath, responder, model: model.path).run()
            return .done
        }
        var input = InputLine()
        input.text = arguments.value("--text")
        input.textPair = arguments.value("--text-pair")
        input.ids = ids.map { $0.map { Int32($0) } }
        let status = try answer(
            input, responder, model: model.path, asJSON: arguments.has("--json"))
        // The system takes all memory back at once; giving it up piece by piece takes longer.
        withExtendedLifetime(engine) { Console.exit(status) }
    }

    private static func checkSources(_ arguments: Arguments) throws(UsageError) {
        let sources: [StaticString] = ["--text", "--ids", "--input", "--socket"]
        let given = sources.filter { arguments.has($0) }
        if arguments.has("--help") { return }
        guard let first = given.first else {
            throw .missingArgument("an input (--text, --ids, --input or --socket)")
        }
        if given.count > 1 { throw .together("\(first)", "\(given[1])") }
        if arguments.has("--text-pair"), !arguments.has("--text") {
            throw .missingTogether("--text-pair", needs: "--text")
        }
    }

    private static func task(named name: [UInt8]) throws(Failure) -> EngineTask {
        if let task = EngineTask(name: name) { return task }
        let text = String(decoding: name, as: UTF8.self)
        for later: StaticString in ["translate", "fill"] where isSame(name, later) {
            throw Failure(.notAvailable(option: "--task \(text)"))
        }
        throw Failure(
            .unknownValue(option: "--task", value: text, known: "embed, classify, generate, raw"))
    }

    /// Answers one input.
    private static func answer(
        _ input: InputLine, _ responder: Responder, model path: [UInt8], asJSON: Bool
    ) throws(Failure) -> ExitStatus {
        let response: Response
        let isStreamed = responder.task == .generate && responder.givesText && !asJSON
        do {
            response =
                isStreamed
                ? try responder.generate(input) { Console.write(Array($0)) }
                : try responder.respond(to: input)
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
        let answer = isStreamed ? [] : asJSON ? response.json : response.text
        Console.write(answer + [0x0a])
        return .done
    }

    /// Answers every line of a file or of standard input with one line, those that are there already
    /// together.
    private static func answerLines(
        of path: [UInt8], _ responder: Responder, model: [UInt8]
    ) throws(Failure) -> ExitStatus {
        var source = try InputSource(path)
        var batch = Batch(responder)
        var status = ExitStatus.done
        while true {
            while batch.isEmpty || (!batch.isFull && source.hasLine), let line = try source.next() {
                batch.add(line)
            }
            if batch.isEmpty { return status }
            for answer in batch.answer() {
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
        }
    }
}
