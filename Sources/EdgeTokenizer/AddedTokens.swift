/// Tokens that are found in the text before it is normalized, such as `[MASK]`, or after it.
final class AddedTokens: Sendable {
    let tokens: SortedTokens
    private let index: SortedTokens.Index
    private let flags: [UInt8]
    /// Ascending scalar values that a token may strip at its sides.
    private let whitespace: [UInt32]

    private static let stripsLeft: UInt8 = 1
    private static let stripsRight: UInt8 = 2
    private static let special: UInt8 = 4

    /// Reads the tokens that are sought before normalization, and the white space.
    ///
    /// - Parameter mayBeSpecial: whether tokens can be left out when ids become text.
    init(_ reader: inout BlobReader, mayBeSpecial: Bool) throws(TokenizerError) {
        tokens = try SortedTokens(
            &reader, maximumCount: TokenizerLayout.maximumAddedTokenCount)
        flags = try Self.flags(&reader, tokens, mayBeSpecial: mayBeSpecial)
        let count = try reader.count(maximum: TokenizerLayout.maximumWhitespaceCount)
        whitespace = try reader.uint32s(count)
        for (index, scalar) in whitespace.enumerated() {
            guard NormalizationUnit.isScalar(scalar),
                index == 0 || whitespace[index - 1] < scalar
            else { throw .invalidWhitespace(index: index, found: scalar) }
        }
        index = tokens.index(prefix: [])
    }

    /// Reads the tokens that are sought after normalization; `first` has the white space.
    init(_ reader: inout BlobReader, after first: AddedTokens) throws(TokenizerError) {
        tokens = try SortedTokens(
            &reader, maximumCount: TokenizerLayout.maximumAddedTokenCount)
        flags = try Self.flags(&reader, tokens, mayBeSpecial: true)
        whitespace = first.whitespace
        index = tokens.index(prefix: [])
    }

    private static func flags(
        _ reader: inout BlobReader, _ tokens: SortedTokens, mayBeSpecial: Bool
    ) throws(TokenizerError) -> [UInt8] {
        let flags = [UInt8](reader.bytes[try reader.take(tokens.count)])
        let known = stripsLeft | stripsRight | (mayBeSpecial ? special : 0)
        for (rank, flag) in flags.enumerated() {
            guard flag & ~known == 0 else {
                throw .unknownTokenFlags(section: .addedTokens, rank: rank, found: flag)
            }
            guard tokens.byteCount(rank) > 0 else { throw .emptyAddedToken(rank: rank) }
            // Else a match could start within a character.
            guard UTF8Text.firstError([UInt8](tokens[rank])) == nil else {
                throw .illFormedAddedToken(rank: rank)
            }
        }
        return flags
    }

    /// The ids of tokens that are left out when ids become text.
    var specialIDs: [UInt32] {
        var ids: [UInt32] = []
        for (rank, flag) in flags.enumerated() where flag & Self.special != 0 {
            ids.append(tokens.ids[rank])
        }
        return ids
    }

    /// The longest token that stands in `text` at `position`, which lies before `end`.
    func longestMatch(
        _ text: [UInt8], from position: Int, to end: Int
    ) -> SortedTokens.Match? {
        guard index.contains(text[position]) else { return nil }
        return tokens.longestMatch(text, from: position, to: end, index)
    }

    /// Cuts a part of a text at the leftmost longest added tokens.
    ///
    /// - Parameters:
    ///   - text: well-formed UTF-8.
    ///   - part: starts and ends between two characters; the whole text if nil.
    ///   - body: receives in order each piece between tokens, with nil, and each token, as an
    ///     empty range with its id.
    @inline(never)
    func forEachPiece(
        of text: [UInt8], _ part: Range<Int>? = nil, _ body: (Range<Int>, UInt32?) -> Void
    ) {
        let part = part ?? 0..<text.count
        let end = part.upperBound
        var position = part.lowerBound
        var pieceStart = position
        while position < end {
            guard let match = longestMatch(text, from: position, to: end) else {
                position += 1
                continue
            }
            let flag = flags[match.rank]
            var pieceEnd = max(position, pieceStart)
            if flag & Self.stripsLeft != 0 {
                pieceEnd = skipBackward(text, from: pieceEnd, to: pieceStart)
            }
            if pieceStart < pieceEnd { body(pieceStart..<pieceEnd, nil) }
            body(pieceEnd..<pieceEnd, tokens.ids[match.rank])
            // White space that an earlier token stripped may lie behind this match.
            pieceStart = max(match.end, pieceStart)
            if flag & Self.stripsRight != 0 {
                pieceStart = skipForward(text, from: pieceStart, to: end)
            }
            position = match.end
        }
        if pieceStart < end { body(pieceStart..<end, nil) }
    }

    private func isWhitespace(_ scalar: UInt32) -> Bool {
        for candidate in whitespace where candidate >= scalar { return candidate == scalar }
        return false
    }

    private func skipForward(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        var position = start
        while position < end {
            var next = position
            guard isWhitespace(UTF8Text.next(text, &next)) else { break }
            position = next
        }
        return position
    }

    private func skipBackward(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        var position = start
        while position > end {
            let previous = UTF8Text.previous(text, position)
            var next = previous
            guard isWhitespace(UTF8Text.next(text, &next)) else { break }
            position = previous
        }
        return position
    }
}
