/// A decimal number with a unit behind it, as in `12.5MB`, `5ms` or `1%`.
package enum Quantity {
    /// Reads digits, at most one point among them, and one of the units without a space between.
    ///
    /// - Parameter units: How often the basic unit goes into each.
    /// - Returns: The number in the basic unit; nil for everything else, also for signs, exponents
    ///   and words.
    package static func parse(_ text: [UInt8], units: [(StaticString, Double)]) -> Double? {
        let point = UInt8(ascii: ".")
        let number = text.prefix { $0 >= 0x30 && $0 <= 0x39 || $0 == point }
        let unit = Array(text.dropFirst(number.count))
        guard let factor = units.first(where: { isSame(unit, $0.0) })?.1 else { return nil }
        guard let first = number.first, let last = number.last, first != point, last != point,
            number.count <= 20
        else { return nil }
        var digits = 0.0
        var divisor = 1.0
        var isFraction = false
        for byte in number {
            if byte == point {
                guard !isFraction else { return nil }
                isFraction = true
                continue
            }
            digits = digits * 10 + Double(byte - 0x30)
            if isFraction { divisor *= 10 }
        }
        return digits * factor / divisor
    }
}
