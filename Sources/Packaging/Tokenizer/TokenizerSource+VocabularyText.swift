import Checkpoints

extension TokenizerSource {
    /// Reads `vocab.txt`: one token a line, its id is the number of the line from 0 on.
    mutating func readVocabularyText(_ bytes: [UInt8]) throws(TokenizerSourceError) {
        guard TokenizerFile.vocabulary.isValidUTF8(bytes) else {
            throw .invalidUTF8(file: .vocabulary)
        }
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        var tokens: [[UInt8]] = []
        for (id, line) in lines.enumerated() {
            let token = [UInt8](line.last == 0x0D ? line.dropLast() : line)
            guard !token.contains(0x0D) else { throw .carriageReturn(line: id + 1) }
            if let first = ids.updateValue(id, forKey: token) {
                throw .duplicateToken(token: Self.text(token), first: first, second: id)
            }
            tokens.append(token)
        }
        setVocabulary(tokens)
    }

    /// Takes over the options with which transformers makes a tokenizer of `vocab.txt`.
    mutating func readConfiguration(_ fields: JSONFields) throws(TokenizerSourceError) {
        let supported = [
            "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer",
        ]
        if let name = try fields.string("tokenizer_class") {
            guard supported.contains(name) || supported.contains(where: { $0 + "Fast" == name })
            else { throw .unsupportedClass(found: name) }
        }
        if try fields.bool("do_basic_tokenize") == false {
            throw .unsupportedOption(
                file: .configuration, name: "do_basic_tokenize", found: "false",
                supported: "true")
        }
        if let tokens = try fields.array("never_split"), !tokens.isEmpty {
            throw .unsupportedOption(
                file: .configuration, name: "never_split", found: "a list of tokens",
                supported: "null")
        }
        normalization.lowercases = try fields.bool("do_lower_case") ?? true
        normalization.separatesIdeographs = try fields.bool("tokenize_chinese_chars") ?? true
        normalization.stripsAccents =
            try fields.bool("strip_accents") ?? normalization.lowercases
        unknownToken = try SpecialTokenIDs.token(fields, "unk_token") ?? unknownToken
        try readTokensOfConfiguration(fields)
        let start = try templateToken(fields, "cls_token", "[CLS]")
        let end = try templateToken(fields, "sep_token", "[SEP]")
        single = [.token(id: start, typeID: 0), .first(typeID: 0), .token(id: end, typeID: 0)]
        pair = single + [.second(typeID: 1), .token(id: end, typeID: 1)]
    }

    private func templateToken(
        _ fields: JSONFields, _ key: String, _ standard: String
    ) throws(TokenizerSourceError) -> Int {
        let token = try SpecialTokenIDs.token(fields, key) ?? Array(standard.utf8)
        guard let id = id(token) else {
            throw .specialTokenMissing(name: key, token: Self.text(token))
        }
        return id
    }

    /// The tokens to be found in texts: those listed, and all with a role.
    private mutating func readTokensOfConfiguration(
        _ fields: JSONFields
    ) throws(TokenizerSourceError) {
        var listed: [(id: Int, fields: JSONFields)] = []
        if let table = try fields.object("added_tokens_decoder") {
            for member in table.object.members {
                guard let id = Int(member.name), id >= 0 else {
                    throw .wrongType(
                        file: .configuration, name: "a key of added_tokens_decoder",
                        expected: "a token id", found: "\"\(member.name)\"")
                }
                let token = try JSONFields(
                    member.value, file: .configuration, path: table.path)
                listed.append((id, token))
            }
        }
        listed.sort { $0.id < $1.id }
        for token in listed { try addToken(token.fields, id: token.id) }
        for role in SpecialTokenIDs.roles {
            let token = try SpecialTokenIDs.token(fields, role.key)
            addSpecialToken(token ?? Array(role.standard.utf8))
        }
        for element in try fields.array("additional_special_tokens") ?? [] {
            let token = try SpecialTokenIDs.content(
                element, fields.file, "additional_special_tokens")
            guard id(token) != nil else {
                throw .specialTokenMissing(
                    name: "additional_special_tokens", token: Self.text(token))
            }
            addSpecialToken(token)
        }
    }

    /// Lets a token of the vocabulary be found in texts.
    private mutating func addSpecialToken(_ token: [UInt8]) {
        guard !token.isEmpty, let id = ids[token], addedIDs[token] == nil else { return }
        append(
            AddedToken(
                text: token, id: id, isNormalized: false, stripsLeft: false, stripsRight: false))
    }
}
