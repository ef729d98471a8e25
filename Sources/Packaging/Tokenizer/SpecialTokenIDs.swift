import Checkpoints

/// Ids of the tokens with a role, as far as the vocabulary has them.
struct SpecialTokenIDs {
    var padding: Int?
    var unknown: Int?
    var classification: Int?
    var separator: Int?
    var mask: Int?
    var beginning: Int?
    var end: Int?

    /// The keys of `tokenizer_config.json` and BERT's names.
    static let roles: [(key: String, standard: String)] = [
        ("pad_token", "[PAD]"), ("unk_token", "[UNK]"), ("cls_token", "[CLS]"),
        ("sep_token", "[SEP]"), ("mask_token", "[MASK]"),
    ]

    /// The token that a configuration names for a role.
    static func token(
        _ fields: JSONFields, _ key: String
    ) throws(TokenizerSourceError) -> [UInt8]? {
        guard let value = fields.value(key) else { return nil }
        return try content(value, fields.file, key)
    }

    /// A token written as a string or as an object with its content.
    static func content(
        _ value: JSONValue, _ file: TokenizerFile, _ name: String
    ) throws(TokenizerSourceError) -> [UInt8] {
        if let text = value.string { return Array(text.utf8) }
        let fields = try JSONFields(value, file: file, path: name)
        return Array(try fields.requiredString("content").utf8)
    }
}

extension TokenizerSource {
    /// Finds the ids of the tokens with a role.
    mutating func readSpecialTokens(_ fields: JSONFields) throws(TokenizerSourceError) {
        var found: [Int?] = []
        for role in SpecialTokenIDs.roles {
            if let token = try SpecialTokenIDs.token(fields, role.key) {
                guard let id = id(token) else {
                    throw .specialTokenMissing(name: role.key, token: Self.text(token))
                }
                found.append(id)
            } else {
                found.append(id(Array(role.standard.utf8)))
            }
        }
        specialTokens = SpecialTokenIDs(
            padding: found[0], unknown: found[1], classification: found[2],
            separator: found[3], mask: found[4])
    }
}
