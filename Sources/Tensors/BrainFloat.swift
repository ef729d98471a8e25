/// Conversion between bfloat16 bit patterns (the upper half of a float32) and float32.
package enum BrainFloat {
    /// Exact; NaN payloads are kept.
    @inline(__always)
    package static func widen(_ bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) << 16)
    }

    /// Rounds to nearest, ties to even; too large becomes infinity; NaN stays NaN.
    @inline(__always)
    package static func narrow(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if bits & 0x7FFF_FFFF > 0x7F80_0000 {
            return UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        }
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
}
