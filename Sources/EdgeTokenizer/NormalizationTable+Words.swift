extension NormalizationTable {
    /// Normalizes a piece of text, splits it, and hands over its words in order.
    ///
    /// - Parameters:
    ///   - text: well-formed UTF-8.
    ///   - piece: starts and ends between two characters of `text`.
    ///   - maximumCharacters: at least 1; of a longer word only this many are kept.
    ///   - body: receives the word in UTF-8 and whether it was longer.
    func forEachWord(
        in text: [UInt8], _ piece: Range<Int>, maximumCharacters: Int,
        _ body: ([UInt8], Bool) -> Void
    ) {
        var word = NormalizedWord(maximumCharacters: maximumCharacters)
        var position = piece.lowerBound
        while position < piece.upperBound {
            let scalar = UTF8Text.next(text, &position)
            switch outcome(scalar) {
            case .nothing:
                break
            case .unit(let unit):
                word.add(unit, body)
            case .sequence(let indices):
                for index in indices { word.add(self.unit(index), body) }
            case .hangul(let syllable):
                // The Unicode Standard, section 3.12.
                let index = syllable - 0xAC00
                word.add(NormalizationUnit(0x1100 + index / 588), body)
                word.add(NormalizationUnit(0x1161 + index % 588 / 28), body)
                if index % 28 != 0 { word.add(NormalizationUnit(0x11A7 + index % 28), body) }
            }
        }
        word.finish(body)
    }
}
