/// Added tokens that are found, in their normalized form, in the normalized text.
struct NormalizedTokens {
    let tokens: SortedTokens
    /// The scalar values of all tokens' normalized forms, one behind the other.
    private var scalars: [UInt32] = []
    /// By rank, where the form of a token starts; and where the last one ends.
    private var starts: [Int] = [0]

    init(
        _ reader: inout BlobReader, _ normalization: NormalizationTable
    ) throws(TokenizerError) {
        tokens = try SortedTokens(
            &reader, maximumCount: TokenizerLayout.maximumNormalizedTokenCount)
        for rank in 0..<tokens.count {
            let text = [UInt8](tokens[rank])
            guard UTF8Text.firstError(text) == nil else {
                throw .illFormedAddedToken(rank: rank)
            }
            let units = normalization.units(in: text, 0..<text.count)
            guard !units.isEmpty else { throw .unmatchableAddedToken(rank: rank) }
            for unit in units {
                guard unit.role != .separator else { throw .unmatchableAddedToken(rank: rank) }
                scalars.append(unit.scalar)
            }
            if let equal = longestMatch(units, at: 0), length(equal) == units.count {
                throw .unmatchableAddedToken(rank: rank)
            }
            starts.append(scalars.count)
        }
    }

    private func length(_ rank: Int) -> Int { starts[rank + 1] - starts[rank] }

    /// The rank of the longest token that stands in `units` at `position`.
    private func longestMatch(_ units: [NormalizationUnit], at position: Int) -> Int? {
        var best: Int?
        for rank in 0..<starts.count - 1 where stands(rank, in: units, at: position) {
            if let best, length(best) >= length(rank) { continue }
            best = rank
        }
        return best
    }

    private func stands(
        _ rank: Int, in units: [NormalizationUnit], at position: Int
    ) -> Bool {
        guard length(rank) <= units.count - position else { return false }
        for offset in 0..<length(rank) {
            let unit = units[position + offset]
            if unit.scalar != scalars[starts[rank] + offset] || unit.role == .separator {
                return false
            }
        }
        return true
    }

    var isEmpty: Bool { tokens.count == 0 }

    /// Cuts normalized text at the leftmost longest tokens; `body` receives in order each piece
    /// between tokens, with nil, and each token, as an empty range with its id.
    func forEachPiece(
        of units: [NormalizationUnit], _ body: (Range<Int>, UInt32?) -> Void
    ) {
        var position = 0
        var pieceStart = 0
        while position < units.count {
            guard let rank = longestMatch(units, at: position) else {
                position += 1
                continue
            }
            body(pieceStart..<position, nil)
            body(position..<position, tokens.ids[rank])
            position += length(rank)
            pieceStart = position
        }
        body(pieceStart..<units.count, nil)
    }
}
