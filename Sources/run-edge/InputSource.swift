import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// The lines of `--input`.
struct InputSource {
    private var reader: LineReader
    /// Whether lines are JSON objects; otherwise each is a text.
    private let isJSON: Bool
    private let name: String

    /// Opens a `.jsonl` or `.txt` file, or standard input for `-`, which holds JSON lines.
    init(_ path: [UInt8]) throws(Failure) {
        name = String(decoding: path, as: UTF8.self)
        if isSame(path, "-") {
            reader = LineReader(descriptor: 0)
            isJSON = true
            return
        }
        let isText = Self.has(path, suffix: ".txt")
        guard isText || Self.has(path, suffix: ".jsonl") else {
            throw Failure("\(name): the name of an input file ends in .jsonl or .txt", .wrongUsage)
        }
        let descriptor = (path + [0]).withUnsafeBytes {
            edgep_open($0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard descriptor >= 0 else {
            throw Failure("\(name): \(Console.text(ofError: -descriptor))", .wrongUsage)
        }
        reader = LineReader(descriptor: descriptor)
        isJSON = !isText
    }

    /// Whether a line can be had without waiting.
    var hasLine: Bool { reader.hasLine }

    /// The next line: an input, or the reason why it is none.
    ///
    /// Nil at the end.
    mutating func next() throws(Failure) -> Result<InputLine, LineFailure>? {
        guard let line = reader.next() else {
            if reader.error != 0 {
                throw Failure("\(name): \(Console.text(ofError: reader.error))", .someInputFailed)
            }
            return nil
        }
        guard !isJSON, case .text(let bytes) = line else { return Self.input(from: line) }
        var input = InputLine()
        input.text = bytes
        return .success(input)
    }

    /// The input that a line of JSON is.
    static func input(from line: LineReader.Line) -> Result<InputLine, LineFailure> {
        guard case .text(let bytes) = line else {
            return .failure(
                LineFailure("the line is longer than \(LineReader.maximumLineBytes) bytes"))
        }
        do throws(InputLineError) {
            return .success(try InputLine(parsing: bytes))
        } catch {
            return .failure(LineFailure(error.message))
        }
    }

    private static func has(_ path: [UInt8], suffix: StaticString) -> Bool {
        isSame(Array(path.suffix(suffix.utf8CodeUnitCount)), suffix)
    }
}

/// Why one line of input was not answered.
struct LineFailure: Error {
    let message: String
    /// Whether the model is at fault rather than the line.
    let isOfModel: Bool

    init(_ message: String) {
        self.message = message
        isOfModel = false
    }

    init(_ error: RuntimeError) {
        message = error.message
        // Parts of a model are read, and found damaged, when an input needs them.
        switch error {
        case .format, .tokenizer, .file: isOfModel = true
        default: isOfModel = false
        }
    }

    /// The answer to the line: `{"error":"…"}`.
    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("error")
        json.string(message)
        json.endObject()
        return json.bytes
    }
}
