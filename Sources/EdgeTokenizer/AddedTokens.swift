/// Tokens that are found in the text before it is normalized, such as `[MASK]`.
struct AddedTokens {
    let tokens: SortedTokens
    private let index: SortedTokens.Index
    private let flags: [UInt8]
    /// Ascending scalar values that a token may strip at its sides.
    private let whitespace: [UInt32]

    private static let stripsLeft: UInt8 = 1
    private static let stripsRight: UInt8 = 2

    init(_ reader: inout BlobReader) throws(TokenizerError) {
        tokens = try SortedTokens(
            &reader, maximumCount: TokenizerLayout.maximumAddedTokenCount)
        let flagRange = try reader.take(tokens.count)
        flags = [UInt8](reader.bytes[flagRange])
        for (rank, flag) in flags.enumerated() {
            guard flag & ~(Self.stripsLeft | Self.stripsRight) == 0 else {
                throw .unknownTokenFlags(section: .addedTokens, rank: rank, found: flag)
            }
            guard tokens.byteCount(rank) > 0 else { throw .emptyAddedToken(rank: rank) }
            // Else a match could start within a character.
            guard UTF8Text.firstError([UInt8](tokens[rank])) == nil else {
                throw .illFormedAddedToken(rank: rank)
            }
        }
        let count = try reader.count(maximum: TokenizerLayout.maximumWhitespaceCount)
        whitespace = try reader.uint32s(count)
        for (index, scalar) in whitespace.enumerated() {
            guard NormalizationUnit.isScalar(scalar),
                index == 0 || whitespace[index - 1] < scalar
            else { throw .invalidWhitespace(index: index, found: scalar) }
        }
        index = tokens.index(prefix: [])
    }

    /// Cuts text at the leftmost longest added tokens.
    ///
    /// - Parameters:
    ///   - text: well-formed UTF-8.
    ///   - body: receives in order each piece between tokens, with nil, and each token, as an
    ///     empty range with its id.
    func forEachPiece(of text: [UInt8], _ body: (Range<Int>, UInt32?) -> Void) {
        var position = 0
        var pieceStart = 0
        while position < text.count {
            guard index.contains(text[position]),
                let match = tokens.longestMatch(text, from: position, to: text.count, index)
            else {
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
            if flag & Self.stripsRight != 0 { pieceStart = skipForward(text, from: pieceStart) }
            position = match.end
        }
        if pieceStart < text.count { body(pieceStart..<text.count, nil) }
    }

    private func isWhitespace(_ scalar: UInt32) -> Bool {
        for candidate in whitespace where candidate >= scalar { return candidate == scalar }
        return false
    }

    private func skipForward(_ text: [UInt8], from start: Int) -> Int {
        var position = start
        while position < text.count {
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
