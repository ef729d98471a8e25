extension Tokenizer {
    /// The tokens of a text, or of a pair, with the special tokens of the model.
    ///
    /// Takes time linear in the texts, with byte-pair encoding n log n for a word of n characters,
    /// for any tokenizer within the limits of the format.
    ///
    /// - Parameters:
    ///   - text: UTF-8; ill-formed parts read as U+FFFD.
    ///   - pair: a second text.
    ///   - maximumTokens: the longer text loses tokens until the result has no more than this
    ///     many. If not even the special tokens fit, the result is the first of them.
    package func encode(
        _ text: [UInt8], pair: [UInt8]? = nil, maximumTokens: Int? = nil
    ) -> Encoding {
        let first = encodeWithoutSpecialTokens(text)
        let second = pair.map { encodeWithoutSpecialTokens($0) } ?? []
        let template = pair == nil ? single : self.pair
        let untruncatedCount = first.count + second.count + template.tokenCount
        let limit = max(0, maximumTokens ?? untruncatedCount)
        let (firstCount, secondCount) = EncodingTemplate.longestFirst(
            first.count, second.count, budget: max(0, limit - template.tokenCount))

        var ids: [Int32] = []
        var typeIDs: [Int32] = []
        ids.reserveCapacity(firstCount + secondCount + template.tokenCount)
        for piece in template.pieces {
            switch piece.source {
            case .token(let id): ids.append(id)
            case .first: ids.append(contentsOf: kept(first, firstCount))
            case .second: ids.append(contentsOf: kept(second, secondCount))
            }
            while typeIDs.count < ids.count { typeIDs.append(piece.typeID) }
        }
        if ids.count > limit {
            ids.removeLast(ids.count - limit)
            typeIDs.removeLast(typeIDs.count - limit)
        }
        return Encoding(ids: ids, typeIDs: typeIDs, untruncatedCount: untruncatedCount)
    }

    private func kept(_ ids: [Int32], _ count: Int) -> ArraySlice<Int32> {
        truncatesAtStart ? ids[(ids.count - count)...] : ids[..<count]
    }

    /// The tokens of a text alone.
    ///
    /// Special tokens written in the text, such as `[MASK]`, are found.
    package func encodeWithoutSpecialTokens(_ text: [UInt8]) -> [Int32] {
        var ids: [Int32] = []
        var symbols = SymbolList()
        switch model {
        case .wordPiece(let pieces, let normalized):
            split(text, pieces, normalized) { word, isTooLong, token in
                if let token {
                    ids.append(Int32(token))
                } else {
                    pieces.append(word, isTooLong: isTooLong, to: &ids)
                }
            }
        case .bytePair(let pairs, _, _, _):
            forEachWord(in: UTF8Text.repaired(text)) { text, word, token in
                if let token {
                    ids.append(Int32(token))
                } else {
                    pairs.append(text, word, &symbols, to: &ids)
                }
            }
        case .sentencePiece(let pairs, let rules):
            let text = rules.normalized(text, keeping: added)
            var position = 0
            while position < text.count {
                if let match = added.longestMatch(text, from: position, to: text.count) {
                    symbols.append(added.tokens.ids[match.rank])
                    position = match.end
                } else {
                    pairs.appendCharacter(text, &position, to: &symbols)
                }
            }
            pairs.finish(&symbols, to: &ids)
        }
        return ids
    }

    /// The normalized words of a text in UTF-8, with the bytes of added tokens written in the text;
    /// each word of WordPiece is cut to the model's limit of characters.
    package func words(_ text: [UInt8]) -> [[UInt8]] {
        var words: [[UInt8]] = []
        switch model {
        case .wordPiece(let pieces, let normalized):
            split(text, pieces, normalized) { word, _, token in
                words.append(token.map { [UInt8](tokenBytes(Int32($0)) ?? []) } ?? word)
            }
        case .bytePair:
            forEachWord(in: UTF8Text.repaired(text)) { text, word, token in
                words.append([UInt8](token.map { tokenBytes(Int32($0)) ?? [] } ?? text[word]))
            }
        case .sentencePiece(_, let rules):
            words.append(rules.normalized(text, keeping: added))
        }
        return words
    }

    /// Hands over the words of a text for byte-pair encoding, each as a range of a text, and the
    /// added tokens in it, each as an empty range with an id.
    @inline(never)
    private func forEachWord(
        in text: [UInt8], _ body: ([UInt8], Range<Int>, UInt32?) -> Void
    ) {
        guard case .bytePair(_, let splitter, let composition, let later) = model else { return }
        added.forEachPiece(of: text) { piece, token in
            if token != nil {
                body(text, piece, token)
                return
            }
            var normalized = text
            var range = piece
            if splitter.normalizes || !composition.isEmpty {
                normalized = splitter.normalized(
                    composition.isEmpty
                        ? text[piece] : composition.composed(text, piece, normalization)[...])
                range = 0..<normalized.count
            }
            later.forEachPiece(of: normalized, range) { part, token in
                if token != nil {
                    body(normalized, part, token)
                    return
                }
                let isStart = piece.lowerBound == 0 && part.lowerBound == range.lowerBound
                splitter.forEachWord(in: normalized, part, isStart: isStart) { body($0, $1, nil) }
            }
        }
    }

    /// Hands over the words of a text for WordPiece, each with whether it is too long, and the
    /// added tokens in it, each as an empty word with an id.
    private func split(
        _ text: [UInt8], _ pieces: WordPieceModel, _ normalized: NormalizedTokens,
        _ body: ([UInt8], Bool, UInt32?) -> Void
    ) {
        let text = UTF8Text.repaired(text)
        added.forEachPiece(of: text) { piece, token in
            if let token {
                body([], false, token)
            } else if normalized.isEmpty {
                normalization.forEachWord(
                    in: text, piece, maximumCharacters: pieces.maximumCharacters
                ) { word, isTooLong in body(word, isTooLong, nil) }
            } else {
                split(normalization.units(in: text, piece), pieces, normalized, body)
            }
        }
    }

    private func split(
        _ units: [NormalizationUnit], _ pieces: WordPieceModel, _ normalized: NormalizedTokens,
        _ body: ([UInt8], Bool, UInt32?) -> Void
    ) {
        normalized.forEachPiece(of: units) { piece, token in
            if let token {
                body([], false, token)
                return
            }
            var word = NormalizedWord(maximumCharacters: pieces.maximumCharacters)
            for unit in units[piece] { word.add(unit) { body($0, $1, nil) } }
            word.finish { body($0, $1, nil) }
        }
    }
}
