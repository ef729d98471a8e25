/// One character of normalized text with what it does to words.
///
/// Bits 0...20 hold the scalar value, 21...22 the role, 24...31 the canonical combining class.
struct NormalizationUnit {
    let rawValue: UInt32

    enum Role {
        /// Continues a word.
        case word
        /// Is a word of its own.
        case isolated
        /// Ends a word.
        case separator
        /// Leaves nothing, but no combining mark moves across it.
        case boundary
    }

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(_ scalar: UInt32, isolated: Bool = false) {
        rawValue = scalar | (isolated ? 1 << 21 : 0)
    }

    static let separator = NormalizationUnit(rawValue: 2 << 21)
    static let boundary = NormalizationUnit(rawValue: 3 << 21)

    var scalar: UInt32 { rawValue & 0x1F_FFFF }
    var combiningClass: UInt32 { rawValue >> 24 }

    var role: Role {
        switch rawValue >> 21 & 3 {
        case 0: .word
        case 1: .isolated
        case 2: .separator
        default: .boundary
        }
    }

    /// Whether bit 23 is clear, the scalar value is one (0 if the role leaves nothing) and only
    /// characters of words have a combining class.
    var isValid: Bool {
        guard rawValue & 1 << 23 == 0 else { return false }
        switch role {
        case .word: return Self.isScalar(scalar)
        case .isolated: return Self.isScalar(scalar) && combiningClass == 0
        case .separator, .boundary: return scalar == 0 && combiningClass == 0
        }
    }

    static func isScalar(_ value: UInt32) -> Bool {
        value < 0xD800 || 0xE000 <= value && value < 0x11_0000
    }
}
