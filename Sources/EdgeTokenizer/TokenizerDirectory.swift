/// The header and the section directory of a blob, checked.
struct TokenizerDirectory {
    let kind: TokenizerKind
    let vocabularySize: Int
    let truncatesAtStart: Bool
    /// Whether there may be ids without a token.
    let isTrimmed: Bool
    private let bytes: [UInt8]
    private let sections: [TokenizerSection]
    private var ranges: [Range<Int>] = []

    init(_ bytes: [UInt8]) throws(TokenizerError) {
        typealias Layout = TokenizerLayout
        self.bytes = bytes
        guard bytes.count >= Layout.headerByteCount else {
            throw .tooShort(byteCount: bytes.count, minimum: Layout.headerByteCount)
        }
        let magic = BlobReader.uint32(bytes, 0)
        guard magic == Layout.magic else { throw .wrongMagic(found: magic) }
        let version = BlobReader.uint16(bytes, 4)
        guard version == Layout.version else { throw .unsupportedVersion(found: version) }
        let found = BlobReader.uint16(bytes, 6)
        guard let kind = TokenizerKind(rawValue: found) else {
            throw .unsupportedKind(found: found)
        }
        self.kind = kind
        sections = kind.sections
        let declared = BlobReader.uint32(bytes, 8)
        guard Int(exactly: declared) == bytes.count else {
            throw .wrongByteCount(declared: declared, available: bytes.count)
        }
        let size = BlobReader.uint32(bytes, 12)
        guard size > 0 else { throw .emptyVocabulary }
        guard size <= UInt32(Layout.maximumVocabularySize) else {
            throw .limitExceeded(
                section: .vocabulary, found: size, maximum: Layout.maximumVocabularySize)
        }
        vocabularySize = Int(size)
        let flags = BlobReader.uint32(bytes, 16)
        guard flags & ~(Layout.truncatesAtStart | Layout.isTrimmed) == 0 else {
            throw .unknownFlags(found: flags)
        }
        truncatesAtStart = flags & Layout.truncatesAtStart != 0
        isTrimmed = flags & Layout.isTrimmed != 0
        try readDirectory()
    }

    private mutating func readDirectory() throws(TokenizerError) {
        typealias Layout = TokenizerLayout
        let count = BlobReader.uint32(bytes, 20)
        guard count == UInt32(sections.count) else {
            throw .wrongSectionCount(found: count, expected: sections.count)
        }
        let end =
            Layout.headerByteCount + sections.count * Layout.directoryEntryByteCount
        guard bytes.count >= end else { throw .tooShort(byteCount: bytes.count, minimum: end) }
        var expected = end
        for (index, section) in sections.enumerated() {
            let entry = Layout.headerByteCount + index * Layout.directoryEntryByteCount
            let id = BlobReader.uint32(bytes, entry)
            guard id == section.rawValue else {
                throw .unexpectedSection(found: id, expected: section)
            }
            let offset = BlobReader.uint32(bytes, entry + 4)
            guard Int(exactly: offset) == expected else {
                throw .wrongSectionOffset(section: section, found: offset, expected: expected)
            }
            let byteCount = BlobReader.uint32(bytes, entry + 8)
            let available = bytes.count - expected
            guard let size = Int(exactly: byteCount), size <= available else {
                throw .sectionOutOfBounds(
                    section: section, byteCount: byteCount, available: available)
            }
            ranges.append(expected..<expected + size)
            expected = try skipPadding(from: expected + size)
        }
        guard expected == bytes.count else {
            throw .sectionTooLong(
                section: sections.last ?? .vocabulary, excess: bytes.count - expected)
        }
    }

    /// The next multiple of 4; the bytes up to it are 0.
    private func skipPadding(from offset: Int) throws(TokenizerError) -> Int {
        var offset = offset
        while offset % 4 != 0 {
            guard offset < bytes.count, bytes[offset] == 0 else {
                throw .nonzeroPadding(offset: offset)
            }
            offset += 1
        }
        return offset
    }

    func reader(_ section: TokenizerSection) -> BlobReader {
        for (index, candidate) in sections.enumerated() where candidate == section {
            return BlobReader(bytes, ranges[index], section: section)
        }
        return BlobReader(bytes, 0..<0, section: section)
    }
}
