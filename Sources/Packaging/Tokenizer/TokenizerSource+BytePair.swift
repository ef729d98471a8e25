import Checkpoints

extension TokenizerSource {
    /// Reads the vocabulary and the merges of a BPE model.
    mutating func readBytePairModel(_ model: JSONFields) throws(TokenizerSourceError) {
        for (name, absent) in [
            ("dropout", JSONValue.double(0)), ("continuing_subword_prefix", .string("")),
            ("end_of_word_suffix", .string("")),
        ] {
            if let value = model.value(name), value != absent, value != .integer(0) {
                throw .unsupportedOption(
                    file: .tokenizer, name: model.name(name), found: value.kind, supported: "null")
            }
        }
        guard let vocabulary = try model.object("vocab") else { throw model.missing("vocab") }
        try readVocabulary(vocabulary)
        var rules = MergeRules()
        rules.takesWholeWords = try model.bool("ignore_merges") ?? false
        rules.fusesUnknown = try model.bool("fuse_unk") ?? false
        if let unknown = try model.string("unk_token") {
            guard let id = ids[Array(unknown.utf8)] else {
                throw .unknownTokenMissing(token: unknown)
            }
            if unknown.unicodeScalars.count == 1 {
                throw .unsupportedOption(
                    file: .tokenizer, name: model.name("unk_token"),
                    found: "the single character \"\(unknown)\"", supported: "a longer token")
            }
            rules.unknownID = id
            specialTokens.unknown = id
        }
        if try model.bool("byte_fallback") ?? false {
            let count = (0..<256).count { ids[Self.byteToken($0)] != nil }
            guard count == 0 || count == 256 else {
                throw .unsupportedOption(
                    file: .tokenizer, name: model.name("byte_fallback"),
                    found: "true with tokens for \(count) bytes", supported: "all 256 or none")
            }
            rules.fallsBackToBytes = count == 256
        }
        guard let merges = try model.array("merges") else { throw model.missing("merges") }
        for (rank, element) in merges.enumerated() {
            let (left, right) = try pair(element, model, rank)
            guard let leftID = ids[left], let rightID = ids[right], let result = ids[left + right]
            else {
                throw .mergeMissing(
                    rank: rank, left: Self.text(left), right: Self.text(right))
            }
            // Of a pair that is there twice, the later rank counts.
            rules.merges[MergeRules.Pair(left: leftID, right: rightID)] =
                MergeRules.Merge(rank: rank, result: result)
        }
        kind = .bytePair(BytePairRules(merges: rules))
    }

    /// The token that stands for a byte in vocabularies of characters.
    static func byteToken(_ byte: Int) -> [UInt8] {
        let digits = String(byte, radix: 16, uppercase: true)
        return Array("<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
    }

    /// The parts of a merge, written as two strings or as one with a space between them.
    private func pair(
        _ element: JSONValue, _ model: JSONFields, _ rank: Int
    ) throws(TokenizerSourceError) -> ([UInt8], [UInt8]) {
        var parts: [[UInt8]] = []
        if let text = element.string {
            parts = text.utf8.split(separator: 0x20, omittingEmptySubsequences: false).map {
                [UInt8]($0)
            }
        } else if let array = element.array {
            parts = array.compactMap { $0.string.map { Array($0.utf8) } }
            if parts.count != array.count { parts = [] }
        }
        guard parts.count == 2 else {
            throw .wrongType(
                file: .tokenizer, name: "\(model.name("merges")) \(rank)",
                expected: "two tokens", found: element.kind)
        }
        return (parts[0], parts[1])
    }

    /// Gives the tokens of a byte-level vocabulary the bytes that they are written for.
    mutating func readByteTokens() throws(TokenizerSourceError) {
        var bytes: [UInt32: UInt8] = [:]
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: bytes[UInt32(byte)] = byte
            default:
                bytes[next] = byte
                next += 1
            }
        }
        var tokens = vocabulary
        for (id, token) in tokens.enumerated() {
            let text = Self.text(token)
            let scalars = text.unicodeScalars.map { bytes[$0.value] }
            if scalars.contains(nil) {
                guard addedIDs[token] != nil else { throw .tokenWithoutBytes(token: text) }
                addedOnly.insert(id)
            } else {
                tokens[id] = scalars.compactMap { $0 }
            }
        }
        setVocabularyBytes(tokens)
    }
}
