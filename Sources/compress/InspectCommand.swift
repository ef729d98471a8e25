import Checkpoints
import CommandLineSupport
import EdgeFormat
import EdgeRuntime
import ModelGraph
import Packaging
import Tensors

/// Lists what a file holds: `compress inspect <model.atn | checkpoint>`.
enum InspectCommand {
    private struct Row {
        let name: String
        let type: String
        let shape: [Int]
        let byteCount: Int
        let bitsPerWeight: Double
        /// How the chunks of a container's tensor are stored.
        var encodings: [ChunkEncoding] = []
    }

    static func run(_ list: [[UInt8]]) throws(Failure) -> ExitStatus {
        let arguments: Arguments
        do {
            arguments = try Arguments(
                list, options: OptionList([("--json", .flag), ("--help", .flag)]))
        } catch {
            throw Failure(error)
        }
        if arguments.has("--help") {
            Console.writeLine(Help.text)
            return .done
        }
        guard let bytes = arguments.positional.first else {
            throw Failure(.missingArgument("the model or checkpoint"))
        }
        let path = String(decoding: bytes, as: UTF8.self)
        let facts: [(String, String)]
        let rows: [Row]
        if path.hasSuffix(".atn") {
            (facts, rows) = try inspect(container: bytes, path: path)
        } else {
            (facts, rows) = try inspect(checkpoint: path)
        }
        Console.write(arguments.has("--json") ? json(facts, rows) : text(facts, rows))
        return .done
    }

    private static func inspect(
        container bytes: [UInt8], path: String
    ) throws(Failure) -> ([(String, String)], [Row]) {
        let container: Container
        do {
            container = try Container(path: bytes)
        } catch {
            if case .file(let errno) = error {
                throw Failure("\(path): \(Console.text(ofError: errno))", .invalidModel)
            }
            throw Failure("\(path): \(error.message)", .invalidModel)
        }
        guard container.contentDigestMatches() else {
            throw Failure(
                "\(path): the contents do not match the recorded SHA-256", .invalidModel)
        }
        let directory = container.directory
        var facts: [(String, String)] = [("file bytes", "\(container.header.fileSize)")]
        for (key, value) in directory.metadata.entries {
            let name = String(decoding: key, as: UTF8.self)
            switch value {
            case .text(let text): facts.append((name, String(decoding: text, as: UTF8.self)))
            case .integer(let integer): facts.append((name, "\(integer)"))
            case .texts(let texts):
                let list = texts.map { String(decoding: $0, as: UTF8.self) }
                facts.append((name, list.joined(separator: ", ")))
            }
        }
        facts.append(("content SHA-256", hexadecimal(container.header.contentDigest)))
        facts.append(("heads per layer", heads(of: directory.program)))
        let rows = directory.tensors.map { tensor in
            let chunks = tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount
            let stored = chunks.reduce(0) { $0 + directory.chunks[$1].storedSize }
            let encodings = Set(directory.chunks[chunks].map(\.encoding))
            return Row(
                name: String(decoding: tensor.name, as: UTF8.self), type: "\(tensor.type)",
                shape: tensor.shape, byteCount: stored,
                bitsPerWeight: Double(8 * stored) / Double(max(1, tensor.elementCount)),
                encodings: encodings.sorted { $0.rawValue < $1.rawValue })
        }
        return (facts, rows)
    }

    private static func heads(of program: Program) -> String {
        program.instructions.compactMap { instruction in
            if case .attention(_, _, _, _, let shape) = instruction {
                return "\(shape.headCount)×\(shape.headSize)"
            }
            return nil
        }.joined(separator: " ")
    }

    private static func inspect(
        checkpoint path: String
    ) throws(Failure) -> ([(String, String)], [Row]) {
        let loaded = try LoadedCheckpoint(path: path, task: nil)
        let model = loaded.model
        let heads = model.graph.nodes.compactMap { node in
            if case .attention(let attention) = node.operation {
                return "\(attention.headCount)×\(attention.headSize)"
            }
            return nil
        }
        let facts = [
            ("family", model.family), ("task", model.task.rawValue),
            ("maximum tokens", "\(model.maximumTokens)"),
            ("vocabulary size", "\(model.vocabularySize)"),
            ("labels", model.labels.joined(separator: ", ")),
            ("heads per layer", heads.joined(separator: " ")),
        ]
        let checkpoint = loaded.checkpoint
        let rows = checkpoint.tensorNames.map { name in
            let shape = checkpoint.shape(of: name) ?? []
            let byteCount = checkpoint.byteCount(of: name) ?? 0
            return Row(
                name: name, type: checkpoint.elementType(of: name)?.name ?? "", shape: shape,
                byteCount: byteCount,
                bitsPerWeight: Double(8 * byteCount) / Double(max(1, shape.reduce(1, *))))
        }
        return (facts, rows)
    }

    private static func text(_ facts: [(String, String)], _ rows: [Row]) -> [UInt8] {
        var text = ""
        for (name, value) in facts where !value.isEmpty { text += "\(name): \(value)\n" }
        for row in rows {
            let shape = row.shape.map { "\($0)" }.joined(separator: "×")
            let bits = Double(Int(row.bitsPerWeight * 100 + 0.5)) / 100
            text +=
                "\(row.name)  \(row.type) \(shape)  \(row.byteCount) bytes, "
                + "\(bits) bits per weight"
            if !row.encodings.isEmpty {
                text += ", " + row.encodings.map { "\($0)" }.joined(separator: "+")
            }
            text += "\n"
        }
        return Array(text.utf8)
    }

    private static func json(_ facts: [(String, String)], _ rows: [Row]) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        for (name, value) in facts {
            json.key(Array(name.utf8))
            json.string(value)
        }
        json.key("tensors")
        json.beginArray()
        for row in rows {
            json.beginObject()
            json.key("name")
            json.string(row.name)
            json.key("type")
            json.string(row.type)
            json.key("shape")
            json.beginArray()
            for size in row.shape { json.integer(size) }
            json.endArray()
            json.key("bytes")
            json.integer(row.byteCount)
            json.key("bits_per_weight")
            json.double(row.bitsPerWeight)
            if !row.encodings.isEmpty {
                json.key("encodings")
                json.beginArray()
                for encoding in row.encodings { json.string("\(encoding)") }
                json.endArray()
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes + [0x0a]
    }
}
