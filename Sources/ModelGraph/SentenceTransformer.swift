import Checkpoints

/// What the files of a sentence-transformers folder add to an encoder.
struct SentenceTransformer {
    var pooling: Pooling
    /// Whether embeddings are scaled to length 1.
    var normalizes: Bool

    /// Reads `modules.json` and the files that it names; nil if there is none.
    ///
    /// - Parameter columnCount: Columns of the encoder's output.
    init?(checkpoint: Checkpoint, columnCount: Int) throws(ModelError) {
        let fileName = "modules.json"
        guard let json = try checkpoint.optionalJSON(named: fileName) else { return nil }
        guard let elements = json.array else {
            throw .malformedField(
                file: fileName, field: "the document", expected: "an array", found: json.kind)
        }
        var modules: [(kind: String, path: String)] = []
        for element in elements {
            let module = ConfigurationFile(name: fileName, json: element)
            let type = try module.string("type") ?? ""
            let kind = type.split(separator: ".").last.map(String.init) ?? ""
            modules.append((kind, try module.string("path") ?? ""))
        }
        let supported = ["Transformer", "Pooling", "Normalize"]
        for (position, module) in modules.enumerated()
        where position >= supported.count || module.kind != supported[position] {
            throw .unsupportedModule(module.kind)
        }
        guard modules.count >= 2 else { return nil }
        let folder = modules[1].path
        guard !folder.isEmpty, !folder.contains("/") else {
            throw .malformedField(
                file: fileName, field: "path", expected: "the name of a folder",
                found: folder.quoted)
        }
        pooling = try Self.readPooling(
            checkpoint, fileName: folder + "/config.json", columnCount: columnCount)
        normalizes = modules.count == 3
    }

    /// The longest input that `sentence_bert_config.json` asks for, if it does.
    static func maximumTokens(_ checkpoint: Checkpoint) throws(ModelError) -> Int? {
        let fileName = "sentence_bert_config.json"
        guard let json = try checkpoint.optionalJSON(named: fileName) else { return nil }
        return try ConfigurationFile(name: fileName, json: json).count("max_seq_length")
    }

    private static func readPooling(
        _ checkpoint: Checkpoint, fileName: String, columnCount: Int
    ) throws(ModelError) -> Pooling {
        guard let json = try checkpoint.optionalJSON(named: fileName) else {
            throw .checkpoint(.notFound(path: fileName))
        }
        let file = ConfigurationFile(name: fileName, json: json)
        if let configured = try file.count("word_embedding_dimension"), configured != columnCount {
            throw .contradiction(
                field: "word_embedding_dimension", configured: configured, found: columnCount)
        }
        var modes: [String] = []
        if let mode = try file.string("pooling_mode") {
            modes = [mode]
        } else {
            let prefix = "pooling_mode_"
            for member in json.object?.members ?? [] where member.name.hasPrefix(prefix) {
                if try file.bool(member.name) == true {
                    let mode = String(member.name.dropFirst(prefix.count))
                    modes.append(mode.hasSuffix("_tokens") ? String(mode.dropLast(7)) : mode)
                }
            }
        }
        switch modes {
        case ["mean"]: return .mean
        case ["cls"], ["cls_token"]: return .firstRow
        case ["max"]: return .maximum
        default: throw .unsupportedPooling(modes)
        }
    }
}

extension Checkpoint {
    /// A JSON file beside the weights; nil if there is none.
    func optionalJSON(named name: String) throws(ModelError) -> JSONValue? {
        do {
            return try json(named: name)
        } catch {
            throw .checkpoint(error)
        }
    }
}
