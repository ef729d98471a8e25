/// SentencePiece's rules for replacing characters.
///
/// A double-array trie (Aoe, 1989), in the form of the library Darts-clone, holds what is replaced;
/// the texts that take its place follow.
struct CharacterMap {
    private let bytes: [UInt8]
    /// The trie's units of four bytes.
    private let units: Int
    private let unitCount: Int
    /// Texts that each end with a byte 0.
    private let texts: Range<Int>

    init(_ reader: inout BlobReader) throws(TokenizerError) {
        unitCount = try reader.count(maximum: TokenizerLayout.maximumTrieUnitCount)
        units = try reader.take(unitCount * 4).lowerBound
        let count = try reader.count(maximum: TokenizerLayout.maximumReplacementByteCount)
        texts = try reader.take(count)
        bytes = reader.bytes
        let replacements = [UInt8](bytes[texts])
        guard replacements.last ?? 0 == 0, UTF8Text.firstError(replacements) == nil else {
            throw .invalidReplacements
        }
        var length = 0
        for byte in replacements {
            length = byte == 0 ? 0 : length + 1
            guard length <= TokenizerLayout.maximumTokenByteCount else {
                throw .limitExceeded(
                    section: reader.section, found: UInt32(length),
                    maximum: TokenizerLayout.maximumTokenByteCount)
            }
        }
    }

    private func unit(_ index: UInt32) -> UInt32? {
        index < UInt32(unitCount) ? BlobReader.uint32(bytes, units + Int(index) * 4) : nil
    }

    /// How far the children of a unit are away.
    private static func offset(_ unit: UInt32) -> UInt32 {
        (unit >> 10) << ((unit & 1 << 9) >> 6)
    }

    /// The longest text at `start` that is replaced: where it ends, and what takes its place.
    func longestMatch(
        _ text: [UInt8], from start: Int
    ) -> (end: Int, replacement: Range<Int>)? {
        guard let root = unit(0) else { return nil }
        var node = Self.offset(root)
        var match: (end: Int, replacement: Range<Int>)?
        let limit = min(text.count - start, TokenizerLayout.maximumTokenByteCount)
        for position in start..<start + limit {
            node ^= UInt32(text[position])
            guard let unit = unit(node), unit & 0x8000_00FF == UInt32(text[position]) else {
                break
            }
            node ^= Self.offset(unit)
            if unit & 1 << 8 != 0, let leaf = self.unit(node),
                let replacement = replacement(leaf & 0x7FFF_FFFF)
            {
                match = (position + 1, replacement)
            }
        }
        return match
    }

    /// The text that starts at `offset`; nil if no character starts there.
    private func replacement(_ offset: UInt32) -> Range<Int>? {
        guard offset < UInt32(texts.count) else { return nil }
        let start = texts.lowerBound + Int(offset)
        if bytes[start] & 0xC0 == 0x80 { return nil }
        var end = start
        while bytes[end] != 0 { end += 1 }
        return start..<end
    }

    /// A part of a text that takes another's place.
    subscript(range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }
}
