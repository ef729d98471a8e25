import Checkpoints

/// `tokenizer.model` of SentencePiece with byte-pair encoding.
extension TokenizerSource {
    mutating func readSentencePiece(
        _ bytes: [UInt8], _ configuration: JSONFields
    ) throws(TokenizerSourceError) {
        let file = try SentencePieceFile(bytes)
        try Self.checkOptions(file)
        var rules = SentencePieceRules()
        var merges = MergeRules()
        merges.fallsBackToBytes = file.fallsBackToBytes
        merges.fusesUnknown = true
        try readPieces(file, &merges, &rules)
        merges.merges = try Self.merges(file, ids)
        rules.addsPrefix = file.addsPrefix
        rules.removesExtraSpaces = file.removesExtraSpaces
        rules.unknownText = file.unknownText
        try Self.readCharacterMap(file.characterMap, &rules)
        kind = .sentencePiece(merges, rules)

        let control = Set(rules.controlIDs)
        specialTokens.unknown = merges.unknownID
        specialTokens.beginning = control.contains(file.beginningID) ? file.beginningID : nil
        specialTokens.end = control.contains(file.endID) ? file.endID : nil
        specialTokens.padding = control.contains(file.paddingID) ? file.paddingID : nil
        try checkListedTokens(configuration)
    }

    private static func checkOptions(
        _ file: SentencePieceFile
    ) throws(TokenizerSourceError) {
        guard file.modelType == 2 else {
            let names: [UInt64: String] = [1: "Unigram", 3: "words", 4: "characters"]
            throw .unsupportedOption(
                file: .sentencePiece, name: "model_type",
                found: names[file.modelType] ?? "\(file.modelType)", supported: "BPE")
        }
        let options = [
            ("treat_whitespace_as_suffix", file.hasSpaceBehind, false),
            ("escape_whitespaces", file.escapesSpaces, true),
            ("a map of characters for text that is made", file.denormalizes, false),
        ]
        for (name, value, supported) in options where value != supported {
            throw .unsupportedOption(
                file: .sentencePiece, name: name, found: "\(value)", supported: "\(supported)")
        }
        guard file.unknownText.count <= TokenizerBlobWriter.Limits.prefixByteCount else {
            throw .limitExceeded(
                quantity: "the length of unk_surface in bytes", found: file.unknownText.count,
                maximum: TokenizerBlobWriter.Limits.prefixByteCount)
        }
    }

    private mutating func readPieces(
        _ file: SentencePieceFile, _ merges: inout MergeRules, _ rules: inout SentencePieceRules
    ) throws(TokenizerSourceError) {
        for (id, piece) in file.pieces.enumerated() {
            if let first = ids.updateValue(id, forKey: piece.text) {
                throw .duplicateToken(token: Self.text(piece.text), first: first, second: id)
            }
        }
        setVocabulary(file.pieces.map(\.text))
        for (id, piece) in file.pieces.enumerated() {
            let isCharacter = Self.text(piece.text).unicodeScalars.count <= 1
            switch piece.type {
            case .normal:
                if piece.score.isNaN { throw Self.refusal(piece, "whose score is no number") }
            case .unknown:
                if merges.unknownID != nil { throw Self.refusal(piece, "a second unknown one") }
                merges.unknownID = id
            case .control: rules.controlIDs.append(id)
            case .userDefined:
                if piece.text.isEmpty { throw Self.refusal(piece, "which is empty") }
                append(
                    AddedToken(
                        text: piece.text, id: id, isNormalized: false, stripsLeft: false,
                        stripsRight: false))
            case .unused: throw Self.refusal(piece, "which is unused; that is not supported")
            case .byte: break
            }
            if isCharacter && (piece.type == .unknown || piece.type == .control) {
                throw Self.refusal(piece, "a character with another meaning")
            }
        }
        let byteIDs = file.pieces.indices.filter { file.pieces[$0].type == .byte }
        let isWhole = byteIDs == (0..<256).compactMap { ids[Self.byteToken($0)] }.sorted()
        guard isWhole && (byteIDs.count == 256 || byteIDs.isEmpty && !merges.fallsBackToBytes)
        else {
            throw .unsupportedOption(
                file: .sentencePiece, name: "byte_fallback",
                found: "\(merges.fallsBackToBytes) with \(byteIDs.count) pieces for bytes",
                supported: "true with all 256")
        }
        guard merges.unknownID != nil else {
            throw .missingField(file: .sentencePiece, name: "piece for unknown characters")
        }
    }

    private static func refusal(
        _ piece: SentencePieceFile.Piece, _ reason: String
    ) -> TokenizerSourceError {
        .unsupportedPiece(piece: text(piece.text), reason: reason)
    }

    /// Every way to put a piece together from two; those with the higher score come first, equal
    /// ones at once.
    private static func merges(
        _ file: SentencePieceFile, _ ids: [[UInt8]: Int]
    ) throws(TokenizerSourceError) -> [MergeRules.Pair: MergeRules.Merge] {
        let scores = Set(file.pieces.filter { $0.type == .normal }.map(\.score)).sorted(by: >)
        var ranks: [Float: Int] = [:]
        for (rank, score) in scores.enumerated() { ranks[score] = rank }
        var merges: [MergeRules.Pair: MergeRules.Merge] = [:]
        for (result, piece) in file.pieces.enumerated() where piece.type == .normal {
            let starts = piece.text.indices.filter { piece.text[$0] & 0xC0 != 0x80 }
            if starts.count < 2 { continue }
            for (index, start) in starts.enumerated() {
                let end = index + 1 < starts.count ? starts[index + 1] : piece.text.count
                let type = ids[[UInt8](piece.text[start..<end])].map { file.pieces[$0].type }
                guard type == .normal || type == .userDefined else {
                    throw refusal(piece, "of which a character is no piece")
                }
                guard start > 0, let left = ids[[UInt8](piece.text[..<start])],
                    let right = ids[[UInt8](piece.text[start...])],
                    file.pieces[left].type == .normal, file.pieces[right].type == .normal
                else { continue }
                merges[MergeRules.Pair(left: left, right: right)] = MergeRules.Merge(
                    rank: ranks[piece.score] ?? 0, result: result)
            }
        }
        return merges
    }

    /// Cuts `precompiled_charsmap` into the trie and the texts behind it.
    private static func readCharacterMap(
        _ map: [UInt8], _ rules: inout SentencePieceRules
    ) throws(TokenizerSourceError) {
        if map.isEmpty { return }
        var size = 0
        for place in 0..<min(4, map.count) { size |= Int(map[place]) << (8 * place) }
        let replacements = map.dropFirst(4 + size)
        guard map.count >= 4, size <= map.count - 4, size % 4 == 0, size > 0,
            replacements.last ?? 0 == 0,
            TokenizerFile.sentencePiece.isValidUTF8([UInt8](replacements))
        else {
            throw .unsupportedOption(
                file: .sentencePiece, name: "precompiled_charsmap", found: "\(map.count) bytes",
                supported: "a trie and texts in UTF-8")
        }
        let longest = replacements.split(separator: 0).map(\.count).max() ?? 0
        let quantities = [
            ("the number of units of precompiled_charsmap", size / 4, 1 << 22),
            ("the length of the texts of precompiled_charsmap", replacements.count, 1 << 24),
            (
                "the length of a text of precompiled_charsmap", longest,
                TokenizerBlobWriter.Limits.tokenByteCount
            ),
        ]
        for (quantity, found, maximum) in quantities where found > maximum {
            throw .limitExceeded(quantity: quantity, found: found, maximum: maximum)
        }
        rules.trie = [UInt8](map[4..<4 + size])
        rules.replacements = [UInt8](replacements)
    }

    /// Refuses tokens that the configuration adds to those of the file.
    private func checkListedTokens(_ fields: JSONFields) throws(TokenizerSourceError) {
        guard let table = try fields.object("added_tokens_decoder") else { return }
        for member in table.object.members {
            let content = try SpecialTokenIDs.content(member.value, fields.file, table.path)
            guard let id = ids[content], member.name == "\(id)" else {
                throw .specialTokenMissing(name: table.path, token: Self.text(content))
            }
        }
    }
}
