/// The canonical composition of decomposed text (Unicode Standard Annex #15).
final class CompositionTable: Sendable {
    private let firsts: [UInt32]
    private let seconds: [UInt32]
    private let composites: [UInt32]

    init(_ reader: inout BlobReader) throws(TokenizerError) {
        let count = try reader.count(maximum: TokenizerLayout.maximumCompositionCount)
        firsts = try reader.uint32s(count)
        seconds = try reader.uint32s(count)
        composites = try reader.uint32s(count)
        try reader.finish()
        for index in 0..<count {
            let isInOrder =
                index == 0 || firsts[index - 1] < firsts[index]
                || firsts[index - 1] == firsts[index] && seconds[index - 1] < seconds[index]
            guard isInOrder, NormalizationUnit.isScalar(firsts[index]),
                NormalizationUnit.isScalar(seconds[index]),
                NormalizationUnit.isScalar(composites[index])
            else { throw .invalidComposition(index: index) }
        }
    }

    /// Without pairs, text stays as it is.
    var isEmpty: Bool { firsts.isEmpty }

    /// A piece of text in normalization form C.
    ///
    /// - Parameters:
    ///   - text: well-formed UTF-8.
    ///   - piece: starts and ends between two characters of `text`.
    func composed(
        _ text: [UInt8], _ piece: Range<Int>, _ decomposition: NormalizationTable
    ) -> [UInt8] {
        // Characters before U+0300 neither combine nor change.
        guard text[piece].contains(where: { $0 >= 0xCC }) else { return [UInt8](text[piece]) }
        var scalars: [UInt32] = []
        var starter = -1
        var lastClass: UInt32 = 0
        for unit in decomposition.units(in: text, piece) {
            let value = unit.combiningClass
            let isBlocked = lastClass == 0 ? starter != scalars.count - 1 : lastClass >= value
            if starter >= 0 && !isBlocked, let composite = pair(scalars[starter], unit.scalar) {
                scalars[starter] = composite
                continue
            }
            if value == 0 { starter = scalars.count }
            lastClass = value
            scalars.append(unit.scalar)
        }
        var result: [UInt8] = []
        for scalar in scalars { UTF8Text.append(scalar, to: &result) }
        return result
    }

    private func pair(_ first: UInt32, _ second: UInt32) -> UInt32? {
        // Hangul: the Unicode Standard, section 3.12.
        if first >= 0x1100 && first < 0x1113 && second >= 0x1161 && second < 0x1176 {
            return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        }
        if first >= 0xAC00 && first < 0xD7A4 && (first - 0xAC00) % 28 == 0 && second > 0x11A7
            && second < 0x11C3
        {
            return first + second - 0x11A7
        }
        var low = 0
        var high = firsts.count
        while low < high {
            let middle = (low + high) / 2
            let isBefore =
                firsts[middle] < first || firsts[middle] == first && seconds[middle] < second
            if isBefore { low = middle + 1 } else { high = middle }
        }
        guard low < firsts.count, firsts[low] == first, seconds[low] == second else { return nil }
        return composites[low]
    }
}
