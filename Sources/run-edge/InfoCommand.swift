import CEdgePlatform
import CommandLineSupport
import EdgeFormat
import EdgeRuntime

/// `run-edge info <model.atn>`: what a model is and what it needs here.
enum InfoCommand {
    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let arguments: Arguments
        do {
            arguments = try Arguments(list, options: OptionList(ModelOptions.list))
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        let model = try ModelOptions(arguments)
        let container = try model.container()
        // Before the pages of the whole file are looked at.
        let facts = Facts(container, options: model.session)
        guard container.contentDigestMatches() else {
            throw Failure(
                "\(String(decoding: model.path, as: UTF8.self)): the contents do not match "
                    + "the recorded SHA-256", .invalidModel)
        }
        Console.write(arguments.has("--json") ? facts.json : facts.text)
        return .done
    }
}

/// What `info` prints.
private struct Facts {
    let directory: ContainerDirectory
    let header: ContainerHeader
    let options: SessionOptions
    let tensorBytes: Int
    /// Resident memory of the program without a session.
    let programBytes: Int

    init(_ container: Container, options: SessionOptions) {
        directory = container.directory
        header = container.header
        self.options = options
        programBytes = Int(clamping: edgep_resident_bytes())
        tensorBytes = directory.tensors.reduce(0) { $0 + $1.rawByteCount }
    }

    private func need(tokens: Int) -> MemoryNeed {
        MemoryNeed(
            directory, tokenCount: tokens, threadCount: options.threadCount,
            instructionSet: options.instructionSet)
    }

    private func metadata(_ key: StaticText) -> [UInt8] {
        if case .text(let text)? = directory.metadata[key] { return text }
        return []
    }

    private var digest: String {
        hexadecimal(header.contentDigest)
    }

    private var lengths: [Int] {
        let maximum = directory.program.maximumTokens
        return [16, 64, 128, 256, 512].filter { $0 < maximum } + [maximum]
    }

    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        for key: StaticText in ["family", "task", "recipe", "tool", "source.digest"] {
            json.key(key.bytes)
            json.string(metadata(key))
        }
        json.key("file_bytes")
        json.integer(header.fileSize)
        json.key("tensor_bytes")
        json.integer(tensorBytes)
        json.key("content_sha256")
        json.string(digest)
        json.key("maximum_tokens")
        json.integer(directory.program.maximumTokens)
        json.key("vocabulary_size")
        json.integer(directory.program.vocabularySize)
        json.key("instructions")
        json.integer(directory.program.instructions.count)
        json.key("isa")
        json.string(options.instructionSet.name)
        json.key("threads")
        json.integer(options.threadCount)
        json.key("memory")
        json.beginArray()
        for length in lengths {
            let need = need(tokens: length)
            json.beginObject()
            json.key("tokens")
            json.integer(length)
            json.key("weights_bytes")
            json.integer(need.weights)
            json.key("table_cache_bytes")
            json.integer(need.tableCache)
            json.key("activations_bytes")
            json.integer(need.activations)
            if need.keyValueCache > 0 {
                json.key("key_value_cache_bytes")
                json.integer(need.keyValueCache)
            }
            json.key("decoder_bytes")
            json.integer(need.decoder)
            json.key("loading_bytes")
            json.integer(need.loading)
            json.key("session_bytes")
            json.integer(need.total)
            json.key("process_bytes")
            json.integer(need.total + programBytes)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + [0x0a]
    }

    var text: [UInt8] {
        func line(_ name: String, _ value: String) -> String {
            var line = name
            while line.utf8.count < 18 { line += " " }
            return line + value + "\n"
        }
        func text(_ key: StaticText) -> String {
            String(decoding: metadata(key), as: UTF8.self)
        }
        let program = directory.program
        var lines = line("model", "\(text("family")), made to \(text("task"))")
        lines += line("recipe", text("recipe"))
        if !metadata("tool").isEmpty { lines += line("made by", text("tool")) }
        lines += line("file", "\(header.fileSize) bytes, \(tensorBytes) decoded")
        lines += line("SHA-256", digest)
        lines += line(
            "program",
            "\(program.instructions.count) instructions, at most "
                + "\(program.maximumTokens) tokens, vocabulary \(program.vocabularySize)")
        lines += line(
            "kernels here",
            String(decoding: options.instructionSet.name, as: UTF8.self)
                + ", \(options.threadCount) threads")
        for length in lengths {
            let need = need(tokens: length)
            lines += line(
                "memory",
                "\(need.total + programBytes) bytes at \(length) tokens: "
                    + "program \(programBytes), weights \(need.weights), "
                    + "tables \(need.tableCache + need.decoder), activations \(need.activations)"
                    + (need.keyValueCache > 0 ? ", keys and values \(need.keyValueCache)" : ""))
        }
        return Array(lines.utf8)
    }
}
