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
        forEachUnit(in: text, piece) { unit in word.add(unit, body) }
        word.finish(body)
    }

    /// The units of a piece of text with marks in canonical order, without boundaries.
    func units(in text: [UInt8], _ piece: Range<Int>) -> [NormalizationUnit] {
        var units: [NormalizationUnit] = []
        var runStart = 0
        forEachUnit(in: text, piece) { unit in
            if unit.combiningClass != 0 {
                units.append(unit)
                return
            }
            Self.order(&units, from: runStart)
            if unit.role != .boundary { units.append(unit) }
            runStart = units.count
        }
        Self.order(&units, from: runStart)
        return units
    }

    private func forEachUnit(
        in text: [UInt8], _ piece: Range<Int>, _ body: (NormalizationUnit) -> Void
    ) {
        var position = piece.lowerBound
        while position < piece.upperBound {
            let scalar = UTF8Text.next(text, &position)
            switch outcome(scalar) {
            case .nothing:
                break
            case .unit(let unit):
                body(unit)
            case .sequence(let indices):
                for index in indices { body(self.unit(index)) }
            case .hangul(let syllable):
                // The Unicode Standard, section 3.12.
                let index = syllable - 0xAC00
                body(NormalizationUnit(0x1100 + index / 588))
                body(NormalizationUnit(0x1161 + index % 588 / 28))
                if index % 28 != 0 { body(NormalizationUnit(0x11A7 + index % 28)) }
            }
        }
    }

    /// Sorts the marks from `start` on by class, equal ones in their order, by counting.
    private static func order(_ units: inout [NormalizationUnit], from start: Int) {
        if units.count - start < 2 { return }
        let marks = [NormalizationUnit](units[start...])
        var places = [Int](repeating: start, count: 256)
        for mark in marks where mark.combiningClass < 255 {
            places[Int(mark.combiningClass) + 1] += 1
        }
        for value in 1..<256 { places[value] += places[value - 1] - start }
        for mark in marks {
            units[places[Int(mark.combiningClass)]] = mark
            places[Int(mark.combiningClass)] += 1
        }
    }
}
