/// The sections of the directory, in ascending order of their four ASCII letters.
package enum SectionTag: UInt32, CaseIterable, Sendable {
    case chunks = 0x4b4e_4843  // CHNK
    case features = 0x5441_4546  // FEAT
    case metadata = 0x4154_454d  // META
    case program = 0x474f_5250  // PROG
    case tensors = 0x534e_4554  // TENS

    /// The tag as it sorts: first letter first.
    static func order(_ tag: UInt32) -> UInt32 {
        tag.byteSwapped
    }
}

/// Features that a container may require.
///
/// A reader that does not know one refuses the file.
package enum Feature {
    /// Weights quantized to 8 bits by rows.
    package static let int8Rows: StaticText = "int8-rows"
    /// Weights quantized to 4 bits in groups.
    package static let int4Groups: StaticText = "int4-groups"
    /// Quantized attention.
    package static let int8Attention: StaticText = "int8-attention"
    /// Token tables without rows for tokens that are left out.
    package static let keptTokens: StaticText = "kept-tokens"
    /// Chunks of codes that store only those that are not zero.
    package static let sparseChunks: StaticText = "sparse-chunks"

    /// Codes of activations that span a range which is the same for all rows.
    package static let staticRanges: StaticText = "static-ranges"

    /// What decoders need: instructions 10 to 14, windows, caps and slopes of attention, the last
    /// row, scores of the next token.
    package static let decoder: StaticText = "decoder"

    /// Made anew each time: an array that is kept would be a block that a library never gives back.
    static var known: [StaticText] {
        [decoder, int4Groups, int8Attention, int8Rows, keptTokens, sparseChunks, staticRanges]
    }
}
