/// Cuts words into the longest tokens of a vocabulary, from left to right.
struct WordPieceModel {
    let tokens: SortedTokens
    /// Words of more characters become the unknown token.
    let maximumCharacters: Int
    private let unknownID: Int32
    private let starts: SortedTokens.Index
    private let continuations: SortedTokens.Index

    init(
        _ reader: inout BlobReader, tokens: SortedTokens, unknownID: Int32
    ) throws(TokenizerError) {
        self.tokens = tokens
        self.unknownID = unknownID
        let limit = try reader.uint32()
        guard limit >= 1, limit <= UInt32(TokenizerLayout.maximumCharactersPerWord) else {
            throw .invalidCharacterLimit(found: limit)
        }
        maximumCharacters = Int(limit)
        let count = try reader.count(maximum: TokenizerLayout.maximumPrefixByteCount)
        let prefix = try reader.take(count)
        starts = tokens.index(prefix: [])
        continuations = tokens.index(prefix: reader.bytes[prefix])
        try reader.finish()
    }

    /// Appends the ids of a word: of its tokens if they cover it, else of the unknown token.
    func append(_ word: [UInt8], isTooLong: Bool, to ids: inout [Int32]) {
        if isTooLong {
            ids.append(unknownID)
            return
        }
        let count = ids.count
        var position = 0
        while position < word.count {
            guard
                let match = tokens.longestMatch(
                    word, from: position, to: word.count, position == 0 ? starts : continuations)
            else {
                ids.removeLast(ids.count - count)
                ids.append(unknownID)
                return
            }
            ids.append(Int32(tokens.ids[match.rank]))
            position = match.end
        }
    }
}
