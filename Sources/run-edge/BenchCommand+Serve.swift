import CommandLineSupport
import EdgeFormat
import EdgeRuntime

extension BenchCommand {
    static func checkServing(_ arguments: Arguments) throws(UsageError) {
        guard arguments.has("--serve") else { return }
        if arguments.has("--lengths") { throw .together("--serve", "--lengths") }
        if arguments.has("--seconds") { throw .together("--serve", "--seconds") }
    }

    /// Answers lines `TOKENS MILLISECONDS` of standard input, each with one JSON line that has the
    /// time of every run, until the input ends.
    ///
    /// So a program can measure several runtimes in turn without starting them again.
    static func serve(_ engine: Engine, model path: [UInt8]) throws(Failure) -> ExitStatus {
        var reader = LineReader(descriptor: 0)
        var status = ExitStatus.done
        while let line = reader.next() {
            var json = JSONWriter()
            json.beginObject()
            if let request = Request(line, maximumTokens: engine.session.maximumTokens) {
                let row: Row
                do {
                    row = try measure(
                        engine, tokens: request.tokens, milliseconds: request.milliseconds
                    ) { _ in }
                } catch {
                    throw Failure(error, model: path)
                }
                json.key("tokens")
                json.integer(row.tokens)
                json.key("times_ms")
                json.beginArray()
                for time in row.times { json.double(rounded(time)) }
                json.endArray()
                json.key("outputs_sha256")
                json.string(hexadecimal(row.digest))
            } else {
                status = .someInputFailed
                json.key("error")
                json.string(
                    "expected two numbers: tokens 1…\(engine.session.maximumTokens) and "
                        + "milliseconds 0…\(Request.maximumMilliseconds)")
            }
            json.endObject()
            // A reader that went away is not an error of ours.
            guard Console.write(json.bytes + [0x0a]) else { return status }
        }
        if reader.error != 0 {
            throw Failure(
                "standard input: \(Console.text(ofError: reader.error))", .someInputFailed)
        }
        return status
    }

    /// One line of the input.
    private struct Request {
        static let maximumMilliseconds = 3_600_000

        let tokens: Int
        let milliseconds: Int

        init?(_ line: LineReader.Line, maximumTokens: Int) {
            guard case .text(let bytes) = line else { return nil }
            let parts = bytes.split(separator: 0x20)
            guard parts.count == 2,
                let tokens = parseInteger(Array(parts[0])), 1 <= tokens, tokens <= maximumTokens,
                let milliseconds = parseInteger(Array(parts[1])), 0 <= milliseconds,
                milliseconds <= Self.maximumMilliseconds
            else { return nil }
            self.tokens = tokens
            self.milliseconds = milliseconds
        }
    }
}
