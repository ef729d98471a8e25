extension Tokenizer {
    /// The tokens of a text, or of a pair, with the special tokens of the model.
    ///
    /// Takes time linear in the texts for any tokenizer, within the limits of the format.
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
        split(text) { word, isTooLong, token in
            if let token {
                ids.append(Int32(token))
            } else {
                model.append(word, isTooLong: isTooLong, to: &ids)
            }
        }
        return ids
    }

    /// The normalized words of a text in UTF-8, each cut to the model's limit of characters, with
    /// the bytes of added tokens written in the text.
    package func words(_ text: [UInt8]) -> [[UInt8]] {
        var words: [[UInt8]] = []
        split(text) { word, _, token in
            words.append(token.map { [UInt8](tokenBytes(Int32($0)) ?? []) } ?? word)
        }
        return words
    }

    /// Hands over the words of a text, each with whether it is too long, and the added tokens in
    /// it, each as an empty word with an id.
    private func split(_ text: [UInt8], _ body: ([UInt8], Bool, UInt32?) -> Void) {
        let text = UTF8Text.repaired(text)
        added.forEachPiece(of: text) { piece, token in
            if let token {
                body([], false, token)
            } else if normalizedTokens.isEmpty {
                normalization.forEachWord(
                    in: text, piece, maximumCharacters: model.maximumCharacters
                ) { word, isTooLong in body(word, isTooLong, nil) }
            } else {
                split(normalization.units(in: text, piece), body)
            }
        }
    }

    private func split(
        _ units: [NormalizationUnit], _ body: ([UInt8], Bool, UInt32?) -> Void
    ) {
        normalizedTokens.forEachPiece(of: units) { piece, token in
            if let token {
                body([], false, token)
                return
            }
            var word = NormalizedWord(maximumCharacters: model.maximumCharacters)
            for unit in units[piece] { word.add(unit) { body($0, $1, nil) } }
            word.finish { body($0, $1, nil) }
        }
    }
}
