/// Added tokens that are found, in their normalized form, in the normalized text.
struct NormalizedTokens {
    let tokens: SortedTokens
    /// The longest first.
    private let patterns: [(scalars: [UInt32], id: UInt32)]

    init(
        _ reader: inout BlobReader, _ normalization: NormalizationTable
    ) throws(TokenizerError) {
        tokens = try SortedTokens(
            &reader, maximumCount: TokenizerLayout.maximumNormalizedTokenCount)
        var patterns: [(scalars: [UInt32], id: UInt32)] = []
        for rank in 0..<tokens.count {
            let text = [UInt8](tokens[rank])
            guard UTF8Text.firstError(text) == nil else {
                throw .illFormedAddedToken(rank: rank)
            }
            var scalars: [UInt32] = []
            for unit in normalization.units(in: text, 0..<text.count) {
                guard unit.role != .separator else { throw .unmatchableAddedToken(rank: rank) }
                scalars.append(unit.scalar)
            }
            guard !scalars.isEmpty, !patterns.contains(where: { $0.scalars == scalars }) else {
                throw .unmatchableAddedToken(rank: rank)
            }
            let place = patterns.firstIndex { $0.scalars.count < scalars.count }
            patterns.insert((scalars, tokens.ids[rank]), at: place ?? patterns.count)
        }
        self.patterns = patterns
    }

    var isEmpty: Bool { patterns.isEmpty }

    /// Cuts normalized text at the leftmost longest tokens; `body` receives in order each piece
    /// between tokens, with nil, and each token, as an empty range with its id.
    func forEachPiece(
        of units: [NormalizationUnit], _ body: (Range<Int>, UInt32?) -> Void
    ) {
        var position = 0
        var pieceStart = 0
        while position < units.count {
            guard let match = patterns.first(where: { stands($0.scalars, in: units, at: position) })
            else {
                position += 1
                continue
            }
            body(pieceStart..<position, nil)
            body(position..<position, match.id)
            position += match.scalars.count
            pieceStart = position
        }
        body(pieceStart..<units.count, nil)
    }

    private func stands(
        _ scalars: [UInt32], in units: [NormalizationUnit], at start: Int
    ) -> Bool {
        guard scalars.count <= units.count - start else { return false }
        for (offset, scalar) in scalars.enumerated() {
            let unit = units[start + offset]
            if unit.scalar != scalar || unit.role == .separator { return false }
        }
        return true
    }
}
