/// Writes the tokenizer section of a container (`formats/tokenizer.md`).
struct TokenizerBlobWriter {
    /// The limits of the format.
    enum Limits {
        static let vocabularySize = 1 << 22
        static let tokenByteCount = 1024
        static let textByteCount = 1 << 28
        static let addedTokenCount = 65_535
        static let normalizedTokenCount = 64
        static let templatePieceCount = 64
        static let charactersPerWord = 1024
        static let prefixByteCount = 64
        static let typeID = 255
        static let mergeCount = (1 << 24) - 1
    }

    let source: TokenizerSource
    let facts = UnicodeFacts()

    init(_ source: TokenizerSource) { self.source = source }

    func blob() -> [UInt8] {
        var normalization = NormalizationTableBuilder(facts, normalizationOptions)
        var sections: [(id: UInt32, bytes: [UInt8])] = [
            (1, vocabulary()), (2, normalization.section()), (3, addedTokens()),
            (4, templates()), (5, specialTokens()),
        ]
        let kind: UInt16
        switch source.kind {
        case .wordPiece:
            kind = 1
            sections.append((16, wordPiece()))
        case .bytePair(let rules):
            kind = 2
            sections.append((17, composition(rules)))
            sections.append((18, splitting(rules)))
            sections.append((19, merges(rules.merges)))
        case .sentencePiece(let merges, let rules):
            kind = 3
            sections.append((19, self.merges(merges)))
            sections.append((20, sentencePiece(rules)))
        }
        let headerByteCount = 24 + sections.count * 12
        var directory: [UInt8] = []
        var content: [UInt8] = []
        for section in sections {
            directory.append(littleEndian: section.id)
            directory.append(littleEndian: UInt32(headerByteCount + content.count))
            directory.append(littleEndian: UInt32(section.bytes.count))
            content += section.bytes
            while content.count % 4 != 0 { content.append(0) }
        }
        var blob = Array("ATOK".utf8)
        blob.append(littleEndian: UInt16(1))
        blob.append(littleEndian: kind)
        blob.append(littleEndian: UInt32(headerByteCount + content.count))
        blob.append(littleEndian: UInt32(source.vocabularySize))
        let flags: UInt32 =
            (source.truncatesAtStart ? 1 : 0) | (source.keptTokens == nil ? 0 : 2)
        blob.append(littleEndian: flags)
        blob.append(littleEndian: UInt32(sections.count))
        return blob + directory + content
    }

    private func vocabulary() -> [UInt8] {
        let tokens = source.vocabulary.enumerated()
            .map { (id: $0.offset, text: $0.element) }
            .filter { source.keptTokens?.contains($0.id) ?? true }
            .filter { !source.addedOnly.contains($0.id) }
        return Self.sortedTokens(tokens + source.addedTexts.map { ($0.id, $0.text) })
    }

    /// Counts, ids, lengths and texts of tokens, put into ascending byte order.
    private static func sortedTokens(_ tokens: [(id: Int, text: [UInt8])]) -> [UInt8] {
        let tokens = tokens.sorted { $0.text.lexicographicallyPrecedes($1.text) }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(tokens.count))
        bytes.append(littleEndian: UInt32(tokens.reduce(0) { $0 + $1.text.count }))
        bytes.append(planes: tokens.map(\.id), width: 4)
        bytes.append(planes: tokens.map(\.text.count), width: 2)
        for token in tokens { bytes += token.text }
        return bytes
    }

    private func addedTokens() -> [UInt8] {
        let tokens = source.addedTokens.filter { !$0.isNormalized }
        let normalized = source.addedTokens.filter(\.isNormalized)
        var bytes = Self.sortedTokens(tokens.map { ($0.id, $0.text) })
        for token in tokens { bytes.append(flags(token)) }
        let strips = source.addedTokens.contains { $0.stripsLeft || $0.stripsRight }
        let whitespace = strips ? facts.whitespace.ranges.flatMap { Array($0) } : []
        bytes.append(littleEndian: UInt32(whitespace.count))
        for scalar in whitespace { bytes.append(littleEndian: scalar) }
        guard case .wordPiece = source.kind else {
            let sought = normalized.map { (token: $0, text: source.soughtText($0)) }
                .sorted { $0.text.lexicographicallyPrecedes($1.text) }
            bytes += Self.sortedTokens(sought.map { ($0.token.id, $0.text) })
            return bytes + sought.map { flags($0.token) }
        }
        return bytes + Self.sortedTokens(normalized.map { ($0.id, $0.text) })
    }

    private func flags(_ token: TokenizerSource.AddedToken) -> UInt8 {
        var flags: UInt8 = (token.stripsLeft ? 1 : 0) | (token.stripsRight ? 2 : 0)
        if case .wordPiece = source.kind { return flags }
        if token.isSpecial { flags |= 4 }
        return flags
    }

    private func templates() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(source.single.count))
        bytes.append(littleEndian: UInt32(source.pair.count))
        for piece in source.single + source.pair {
            let fields: (source: UInt8, typeID: Int, id: Int)
            switch piece {
            case .token(let id, let typeID): fields = (0, typeID, id)
            case .first(let typeID): fields = (1, typeID, 0)
            case .second(let typeID): fields = (2, typeID, 0)
            }
            bytes += [fields.source, UInt8(fields.typeID), 0, 0]
            bytes.append(littleEndian: UInt32(fields.id))
        }
        return bytes
    }

    private func specialTokens() -> [UInt8] {
        let special = source.specialTokens
        var bytes: [UInt8] = []
        var ids = [
            special.padding, special.unknown, special.classification, special.separator,
            special.mask,
        ]
        if case .wordPiece = source.kind {} else { ids += [special.beginning, special.end] }
        for id in ids { bytes.append(littleEndian: id.map { UInt32($0) } ?? UInt32.max) }
        return bytes
    }

    private func wordPiece() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(source.maximumCharactersPerWord))
        bytes.append(littleEndian: UInt32(source.continuationPrefix.count))
        return bytes + source.continuationPrefix
    }
}

extension TokenizerSource {
    /// The tokenizer section of a container; equal sources give equal bytes.
    package func makeBlob() -> [UInt8] { TokenizerBlobWriter(self).blob() }
}
