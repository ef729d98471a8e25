/// The limits of the container format; a file beyond one of them is refused.
package enum ContainerLimits {
    package static let directoryBytes = 64 << 20
    package static let features = 64
    /// Ranges of codes below this count as nothing.
    package static let narrowestRange: Float = 0x1p-100
    package static let metadataEntries = 1024
    /// Texts of all lists of the metadata together.
    package static let metadataListTexts = 1 << 20
    package static let chunks = 1 << 24
    package static let tensors = 1 << 16
    package static let rank = 4
    /// Bytes of one chunk before compression.
    package static let chunkRawBytes = 1 << 20
    /// Elements of one tensor: 2⁴⁸, or fewer where sizes in bytes would not fit `Int`.
    package static let tensorElements = Int(min(1 << 48, UInt64(Int.max) / 4))
    package static let values = 1 << 13
    /// Elements of all values together for the longest input, so that the memory they take, however
    /// it is shared out, is counted with 64 bits.
    package static let valueElements: UInt64 = 1 << 48
    package static let instructions = 1 << 16
    package static let maximumTokens = 1 << 24
    /// Inputs of one linear product, so that int32 accumulators cannot overflow:
    /// 65536 · 255 · 127 < 2³¹.
    package static let linearDepth = 65_536
}
