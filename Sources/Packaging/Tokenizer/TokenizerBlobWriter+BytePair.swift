/// The sections of tokenizers with byte-pair encoding.
extension TokenizerBlobWriter {
    /// Canonical decomposition if texts are composed, nothing for others.
    var normalizationOptions: NormalizationOptions {
        switch source.kind {
        case .wordPiece: source.normalization
        case .bytePair(let rules): NormalizationOptions(decomposesOnly: rules.composes)
        case .sentencePiece: NormalizationOptions(decomposesOnly: false)
        }
    }

    /// The pairs of characters that are composed, by first and second one.
    func composition(_ rules: BytePairRules) -> [UInt8] {
        let pairs = rules.composes ? facts.compositions : []
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(pairs.count))
        for pair in pairs { bytes.append(littleEndian: pair.first) }
        for pair in pairs { bytes.append(littleEndian: pair.second) }
        for pair in pairs { bytes.append(littleEndian: pair.composite) }
        return bytes
    }

    func splitting(_ rules: BytePairRules) -> [UInt8] {
        var bytes = [rules.splitting.rawValue, rules.decoding.rawValue]
        bytes.append(littleEndian: rules.preparation.rawValue)
        var ranges: [UInt32] = [0]
        if rules.preparation.contains(.digits) || rules.splitting != .whole {
            ranges = facts.characterClasses
        }
        bytes.append(littleEndian: UInt32(ranges.count))
        for range in ranges { bytes.append(littleEndian: range) }
        return bytes
    }

    /// By left token, then by right token.
    func merges(_ rules: MergeRules) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(
            littleEndian: UInt32(
                (rules.takesWholeWords ? 1 : 0) | (rules.fusesUnknown ? 2 : 0)
                    | (rules.fallsBackToBytes ? 4 : 0)))
        bytes.append(littleEndian: rules.unknownID.map { UInt32($0) } ?? UInt32.max)
        bytes.append(littleEndian: UInt32(rules.merges.count))
        var counts = [Int](repeating: 0, count: source.vocabularySize)
        for pair in rules.merges.keys { counts[pair.left] += 1 }
        let merges = rules.merges.sorted {
            ($0.key.left, $0.key.right) < ($1.key.left, $1.key.right)
        }
        bytes.append(planes: counts, width: 3)
        bytes.append(planes: merges.map(\.key.right), width: 3)
        bytes.append(planes: merges.map(\.value.rank), width: 3)
        bytes.append(planes: merges.map(\.value.result), width: 3)
        return bytes
    }

    func sentencePiece(_ rules: SentencePieceRules) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(
            littleEndian: UInt32(
                (rules.addsPrefix ? 1 : 0) | (rules.removesExtraSpaces ? 2 : 0)))
        bytes.append(littleEndian: UInt32(rules.controlIDs.count))
        for id in rules.controlIDs { bytes.append(littleEndian: UInt32(id)) }
        bytes.append(littleEndian: UInt32(rules.unknownText.count))
        bytes += rules.unknownText
        bytes.append(littleEndian: UInt32(rules.trie.count / 4))
        bytes += rules.trie
        bytes.append(littleEndian: UInt32(rules.replacements.count))
        return bytes + rules.replacements
    }
}
