/// Conversion between IEEE-754 binary16 bit patterns and float32, in integer arithmetic that
/// compilers vectorize and that gives the same bits on every processor.
package enum HalfFloat {
    /// Exact; NaN payloads are kept.
    @inline(__always)
    package static func widen(_ bits: UInt16) -> Float {
        let magnitude = UInt32(bits & 0x7FFF)
        let sign = UInt32(bits & 0x8000) << 16
        // Half exponents are biased by 15, float's by 127; the product restores the value, also of
        // subnormal halves.
        let scaled = Float(bitPattern: magnitude << 13) * 0x1p112
        let special: UInt32 = magnitude >= 0x7C00 ? 0x7F80_0000 : 0
        return Float(bitPattern: scaled.bitPattern | special | sign)
    }

    /// Rounds to nearest, ties to even; too large becomes infinity; NaN stays NaN.
    @inline(__always)
    package static func narrow(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: (bits & 0x8000_0000) >> 16)
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 {
            let payload = UInt16(truncatingIfNeeded: (magnitude & 0x007F_FFFF) >> 13)
            return sign | 0x7E00 | payload
        }
        if magnitude >= 0x4780_0000 {
            return sign | 0x7C00
        }
        if magnitude < 0x3880_0000 {
            // The unit in the last place of ½ is the smallest half, so the addition rounds.
            let rounded = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- 0x3F00_0000)
        }
        let odd = (magnitude >> 13) & 1
        return sign | UInt16(truncatingIfNeeded: (magnitude &- 0x3800_0000 &+ 0xFFF &+ odd) >> 13)
    }
}
