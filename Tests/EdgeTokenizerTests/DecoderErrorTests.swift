import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("Each rule of the sections of byte-pair encoding has its error")
struct DecoderErrorTests {
    private let bytes: BlobEditor
    private let pieces: BlobEditor
    private let sentencePiece: BlobEditor

    init() throws {
        bytes = try BlobEditor(SmallTokenizers.bytes().makeBlob())
            .replacingSection(.normalization, with: SmallTokenizers.decomposition)
            .replacingSection(.composition, with: SmallTokenizers.composition)
        pieces = try BlobEditor(SmallTokenizers.pieces().makeBlob())
        sentencePiece = try BlobEditor(SmallTokenizers.sentencePiece().makeBlob())
    }

    private func expect(
        _ error: TokenizerError, _ editor: BlobEditor,
        _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: location) { try Tokenizer(editor.bytes) }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    @Test("Sections")
    func sections() {
        expect(.wrongSectionCount(found: 8, expected: 6), bytes.settingHeader(at: 4, to: 0x1_0001))
        expect(
            .wrongSectionCount(found: 7, expected: 8),
            sentencePiece.settingHeader(at: 4, to: 0x2_0001))
        expect(
            .sectionTooLong(section: .merges, excess: 1),
            bytes.replacingSection(.merges, with: bytes[.merges] + [0]))
    }

    @Test("Normalization and composition")
    func composition() {
        let ranges = 12
        let entries = ranges + 9 * 8
        expect(
            .unexpectedRole(index: 2), bytes.setting(.normalization, at: ranges + 2 * 8 + 4, to: 4))
        expect(
            .unexpectedRole(index: 1), bytes.setting(.normalization, at: entries + 4, to: 2 << 21))
        expect(
            .unexpectedRole(index: 0),
            bytes.setting(.normalization, at: entries + 12, to: 0x65 | 1 << 21))
        expect(.invalidComposition(index: 1), bytes.setting(.composition, at: 8, to: 0x64))
        expect(.invalidComposition(index: 1), bytes.setting(.composition, at: 16, to: 0x301))
        expect(.invalidComposition(index: 0), bytes.setting(.composition, at: 20, to: 0xD800))
        expect(
            .limitExceeded(section: .composition, found: 65_536, maximum: 65_535),
            bytes.setting(.composition, at: 0, to: 65_536))
    }

    @Test("Splitting")
    func splitting() {
        expect(.unknownRule(found: 5), bytes.setting(.splitting, at: 0, byte: 5))
        expect(.unknownDecoding(found: 3), bytes.setting(.splitting, at: 1, byte: 3))
        expect(
            .unknownSectionFlags(section: .splitting, found: 128),
            bytes.setting(.splitting, at: 2, byte: 128))
        expect(.invalidClass(index: 0, found: 1), bytes.setting(.splitting, at: 8, to: 1))
        expect(.invalidClass(index: 1, found: 0), bytes.setting(.splitting, at: 12, to: 0))
        expect(
            .invalidClass(index: 1, found: 9 | 1 << 27),
            bytes.setting(.splitting, at: 12, to: 9 | 1 << 27))
        expect(
            .invalidClass(index: 0, found: 0),
            pieces.replacingSection(.splitting, with: [0, 2, 3, 0] + BlobEditor.words([0])))
    }

    @Test("Merges")
    func merges() {
        // 10 tokens and the merges (a, a) and (a, b): 12 bytes, planes of 30, 6, 6 and 6 bytes.
        let section = TokenizerSection.merges
        let counts = 12
        let rights = counts + 30
        let results = rights + 12
        expect(
            .unknownSectionFlags(section: section, found: 8), bytes.setting(section, at: 0, to: 8))
        expect(.missingByte(0), bytes.setting(section, at: 0, to: 4))
        expect(.missingID(id: 10), bytes.setting(section, at: 4, to: 10))
        expect(
            .sectionTooShort(section: section, needed: 9, available: 0),
            bytes.setting(section, at: 8, to: 3))
        expect(.wrongMergeCount(found: 3, expected: 2), bytes.setting(section, at: counts, byte: 3))
        expect(.wrongMergeCount(found: 1, expected: 2), bytes.setting(section, at: counts, byte: 1))
        expect(.mergesOutOfOrder(index: 1), bytes.setting(section, at: rights, byte: 1))
        expect(.missingID(id: 10), bytes.setting(section, at: rights + 1, byte: 10))
        expect(.missingID(id: 10), bytes.setting(section, at: results, byte: 10))
        // Id 9 is left out: its merges are of a token that is not there.
        expect(
            .missingID(id: 10),
            bytes.settingHeader(at: 12, to: 11).settingHeader(at: 16, to: 2).replacingSection(
                section,
                with: BlobEditor.words([0, .max, 1]) + [UInt8](repeating: 0, count: 10) + [1]
                    + [UInt8](repeating: 0, count: 31)))
    }

    @Test("SentencePiece")
    func sentencePieceSection() {
        // Flags, 2 control ids, the text of 5 bytes, 0x42 units, 2 bytes of replacements.
        let section = TokenizerSection.sentencePiece
        let trie = 16 + 4 + 5
        let replacements = trie + 4 + 0x42 * 4
        expect(
            .unknownSectionFlags(section: section, found: 4),
            sentencePiece.setting(section, at: 0, to: 4))
        expect(
            .limitExceeded(section: section, found: 11, maximum: 10),
            sentencePiece.setting(section, at: 4, to: 11))
        expect(.duplicateID(section: section, id: 1), sentencePiece.setting(section, at: 12, to: 1))
        expect(
            .tokenOutOfRange(section: section, id: 10, vocabularySize: 10),
            sentencePiece.setting(section, at: 12, to: 10))
        expect(.invalidUnknownText, sentencePiece.setting(section, at: 21, byte: 0xFF))
        expect(
            .invalidReplacements, sentencePiece.setting(section, at: replacements + 5, byte: 0x61))
        expect(
            .invalidReplacements, sentencePiece.setting(section, at: replacements + 4, byte: 0xFF))
        let long = [UInt8](repeating: 0x61, count: 1025) + [0]
        expect(
            .limitExceeded(section: section, found: 1025, maximum: 1024),
            sentencePiece.replacingSection(
                section,
                with: BlobEditor.words([0, 0, 0, 0, UInt32(long.count)]) + long))
    }
}
