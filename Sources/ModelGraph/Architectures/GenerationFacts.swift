import Checkpoints

/// Where generation begins and ends: `bos_token_id` and `eos_token_id` of `generation_config.json`,
/// else of `config.json`.
struct GenerationFacts {
    let beginToken: Int32?
    let endTokens: [Int32]

    init(
        checkpoint: Checkpoint, configuration: ConfigurationFile, vocabularySize: Int
    ) throws(ModelError) {
        var files = [configuration]
        do {
            if let json = try checkpoint.json(named: Self.fileName) {
                files.insert(ConfigurationFile(name: Self.fileName, json: json), at: 0)
            }
        } catch {
            throw .checkpoint(error)
        }
        func tokens(_ field: String) throws(ModelError) -> [Int32] {
            for file in files where file.value(field) != nil {
                return try file.tokens(field, vocabularySize: vocabularySize)
            }
            return []
        }
        beginToken = try tokens("bos_token_id").first
        endTokens = try tokens("eos_token_id")
    }

    private static let fileName = "generation_config.json"
}

extension ConfigurationFile {
    /// Token ids, one alone or several in an array, each once and in their order.
    fileprivate func tokens(_ field: String, vocabularySize: Int) throws(ModelError) -> [Int32] {
        guard let value = value(field) else { return [] }
        var tokens: [Int32] = []
        for element in value.array ?? [value] {
            guard let id = element.integer, id >= 0, id < vocabularySize, id <= Int(Int32.max)
            else {
                throw malformed(field, "a token id below \(vocabularySize)", element)
            }
            if !tokens.contains(Int32(id)) { tokens.append(Int32(id)) }
        }
        return tokens
    }
}
