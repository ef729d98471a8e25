import CommandLineSupport
import EdgeFormat
import EdgeRuntime
import EdgeTokenizer

/// `run-edge tokenize <model.atn> …`: prints the tokens of texts.
enum TokenizeCommand {
    private static let options = OptionList(
        ModelOptions.list + [("--text", .value), ("--text-pair", .value), ("--input", .value)])

    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let arguments: Arguments
        do {
            arguments = try Arguments(list, options: options)
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        guard arguments.has("--text") != arguments.has("--input") else {
            throw Failure(.missingArgument("an input (--text or --input)"))
        }
        let model = try ModelOptions(arguments)
        let container = try model.container()
        let loaded: Tokenizer?
        do {
            loaded = try Engine.tokenizer(of: container)
        } catch {
            throw Failure(error, model: model.path)
        }
        guard let tokenizer = loaded else {
            throw Failure(.noTokenizer, model: model.path)
        }
        if let text = arguments.value("--text") {
            guard isValidUTF8(text) else {
                throw Failure("the text is not valid UTF-8", .someInputFailed)
            }
            Console.write(json(tokenizer, text, arguments.value("--text-pair")) + [0x0a])
            return .done
        }
        var source = try InputSource(arguments.value("--input") ?? [])
        var status = ExitStatus.done
        while let line = try source.next() {
            var output: [UInt8]
            do throws(LineFailure) {
                let input = try line.get()
                guard let text = input.text else {
                    throw LineFailure("the line has no 'text'")
                }
                guard isValidUTF8(text), isValidUTF8(input.textPair ?? []) else {
                    throw LineFailure("the text is not valid UTF-8")
                }
                output = json(tokenizer, text, input.textPair)
            } catch {
                status = .someInputFailed
                output = error.json
            }
            guard Console.write(output + [0x0a]) else { return status }
        }
        return status
    }

    /// `{"ids":[101,…],"tokens":["[CLS]",…]}`, not cut to the length of the model.
    private static func json(
        _ tokenizer: Tokenizer, _ text: [UInt8], _ pair: [UInt8]?
    ) -> [UInt8] {
        let encoding = tokenizer.encode(text, pair: pair)
        var json = JSONWriter()
        json.beginObject()
        json.key("ids")
        json.beginArray()
        for id in encoding.ids { json.integer(Int(id)) }
        json.endArray()
        json.key("tokens")
        json.beginArray()
        for id in encoding.ids { json.string(Array(tokenizer.tokenBytes(id) ?? [])) }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}
