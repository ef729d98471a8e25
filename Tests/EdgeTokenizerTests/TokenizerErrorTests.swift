import Testing

@testable import EdgeTokenizer
@testable import Packaging

@Suite("Each rule of the tokenizer format has its error")
struct TokenizerErrorTests {
    private let blob: BlobEditor

    init() throws {
        blob = try BlobEditor(Fixtures.smallSource().makeBlob()).replacingSection(
            .normalization, with: BlobEditor.smallNormalization)
    }

    private func expect(
        _ error: TokenizerError, _ bytes: [UInt8], _ location: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: location) { try Tokenizer(bytes) }
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
    }

    private func expect(
        _ error: TokenizerError, _ editor: BlobEditor,
        _ location: SourceLocation = #_sourceLocation
    ) {
        expect(error, editor.bytes, location)
    }

    @Test("Header")
    func header() {
        expect(.tooShort(byteCount: 3, minimum: 24), [1, 2, 3])
        expect(.wrongMagic(found: 7), blob.settingHeader(at: 0, to: 7))
        expect(.unsupportedVersion(found: 2), blob.settingHeader(at: 4, to: 0x1_0002))
        expect(.unsupportedKind(found: 4), blob.settingHeader(at: 4, to: 0x4_0001))
        expect(.emptyVocabulary, blob.settingHeader(at: 12, to: 0))
        expect(
            .limitExceeded(section: .vocabulary, found: 4_194_305, maximum: 4_194_304),
            blob.settingHeader(at: 12, to: 4_194_305))
        expect(.unknownFlags(found: 4), blob.settingHeader(at: 16, to: 4))
        expect(.unknownFlags(found: 7), blob.settingHeader(at: 16, to: 7))
        let bytes = blob.bytes
        expect(
            .wrongByteCount(declared: UInt32(bytes.count), available: bytes.count + 1),
            bytes + [0])
    }

    @Test("Directory")
    func directory() {
        let bytes = blob.bytes
        func edited(_ offset: Int, _ value: UInt32) -> [UInt8] {
            var edited = bytes
            edited.replaceSubrange(offset..<offset + 4, with: BlobEditor.words([value]))
            return edited
        }
        expect(.wrongSectionCount(found: 5, expected: 6), edited(20, 5))
        expect(.unexpectedSection(found: 2, expected: .vocabulary), edited(24, 2))
        expect(
            .wrongSectionOffset(section: .vocabulary, found: 100, expected: 96), edited(28, 100))
        expect(
            .sectionOutOfBounds(
                section: .vocabulary, byteCount: 1 << 31, available: bytes.count - 96),
            edited(32, 1 << 31))
        var longer = bytes + [0, 0, 0, 0]
        longer.replaceSubrange(8..<12, with: BlobEditor.words([UInt32(longer.count)]))
        expect(.sectionTooLong(section: .wordPiece, excess: 4), longer)
        var header = [UInt8](bytes[..<24])
        header.replaceSubrange(8..<12, with: BlobEditor.words([24]))
        expect(.tooShort(byteCount: 24, minimum: 96), header)
        let end = 96 + blob[.vocabulary].count
        #expect(end % 4 != 0)
        var padded = bytes
        padded[end] = 1
        expect(.nonzeroPadding(offset: end), padded)
    }

    @Test("Vocabulary")
    func vocabulary() {
        // 6 tokens: count, byte count, 6 ids, 6 lengths, then ##b [CLS] [SEP] [UNK] a ab.
        let section = TokenizerSection.vocabulary
        expect(
            .limitExceeded(section: section, found: 8, maximum: 7),
            blob.setting(section, at: 0, to: 8))
        expect(
            .sectionTooShort(section: section, needed: 12, available: 9),
            blob.replacingSection(section, with: [UInt8](blob[section][..<41])))
        expect(
            .sectionTooLong(section: section, excess: 2),
            blob.replacingSection(section, with: blob[section] + [0, 0]))
        expect(
            .wrongTextByteCount(section: section, found: 20, expected: 21),
            blob.setting(section, at: 4, to: 20))
        expect(
            .tokenOutOfRange(section: section, id: 7, vocabularySize: 7),
            blob.setting(section, at: 8, byte: 7))
        expect(.duplicateID(section: section, id: 1), blob.setting(section, at: 8, byte: 1))
        expect(
            .limitExceeded(section: section, found: 1025, maximum: 1024),
            blob.setting(section, at: 32, byte: 1).setting(section, at: 38, byte: 4))
        expect(
            .tokensOutOfOrder(section: section, rank: 1),
            blob.setting(section, at: 44, byte: 0x7A))
        expect(.missingID(id: 7), blob.settingHeader(at: 12, to: 8))
    }

    @Test("Trimmed tokenizers")
    func trimmed() throws {
        // Id 7 has no token.
        let trimmed = blob.settingHeader(at: 12, to: 8).settingHeader(at: 16, to: 2)
        let tokenizer = try Tokenizer(trimmed.bytes)
        #expect(tokenizer.vocabularySize == 8 && tokenizer.tokenBytes(7) == nil)
        #expect(tokenizer.tokenBytes(6) == Array("<m>".utf8)[...])
        expect(.missingID(id: 7), trimmed.settingHeader(at: 16, to: 0))
        expect(.missingID(id: 7), trimmed.setting(.specialTokens, at: 0, to: 7))
        expect(.missingID(id: 7), trimmed.setting(.specialTokens, at: 4, to: 7))
        expect(.missingID(id: 7), trimmed.setting(.templates, at: 8 + 4, to: 7))
        expect(
            .tokenOutOfRange(section: .templates, id: 8, vocabularySize: 8),
            trimmed.setting(.templates, at: 8 + 4, to: 8))
    }

    @Test("Added tokens")
    func addedTokens() {
        // 2 tokens: count, byte count, 2 ids, 2 lengths, <m> [UNK], 2 flags, count, white space.
        let section = TokenizerSection.addedTokens
        let whitespace = 8 + 8 + 4 + 8 + 2 + 4
        expect(
            .unknownTokenFlags(section: section, rank: 0, found: 4),
            blob.setting(section, at: 28, byte: 4))
        expect(.addedTokenDiffers(id: 3), blob.setting(section, at: 9, byte: 3))
        expect(
            .tokenOutOfRange(section: section, id: 9, vocabularySize: 7),
            blob.setting(section, at: 8, byte: 9))
        expect(.duplicateID(section: section, id: 6), blob.setting(section, at: 9, byte: 6))
        expect(.illFormedAddedToken(rank: 0), blob.setting(section, at: 21, byte: 0x80))
        expect(
            .emptyAddedToken(rank: 0),
            blob.replacingSection(
                section,
                with: BlobEditor.words([1, 0, 0]) + [0, 0, 0] + BlobEditor.words([0, 0, 0])))
        // Normalized tokens: U+0001, which is removed; a space; 0xFF.
        let raw = blob[section].dropLast(8)
        for (text, error) in [
            (UInt8(1), TokenizerError.unmatchableAddedToken(rank: 0)),
            (0x20, .unmatchableAddedToken(rank: 0)), (0xFF, .illFormedAddedToken(rank: 0)),
        ] {
            expect(
                error,
                blob.replacingSection(
                    section, with: raw + BlobEditor.words([1, 1, 7]) + [1, 0, text]))
        }
        expect(
            .invalidWhitespace(index: 1, found: 9),
            blob.setting(section, at: whitespace + 4, to: 9))
        expect(
            .invalidWhitespace(index: 0, found: 0xD800),
            blob.setting(section, at: whitespace, to: 0xD800))
    }

    @Test("Normalization")
    func normalization() {
        let section = TokenizerSection.normalization
        let entries = 12 + 12 * 8
        let units = entries + 16
        func range(_ index: Int, first: UInt32) -> BlobEditor {
            blob.setting(section, at: 12 + index * 8, to: first)
        }
        func range(_ index: Int, action: UInt32) -> BlobEditor {
            blob.setting(section, at: 16 + index * 8, to: action)
        }
        expect(.rangesOutOfOrder(index: 0, found: 1), range(0, first: 1))
        expect(.rangesOutOfOrder(index: 1, found: 0x20), range(2, first: 0x20))
        expect(
            .rangesOutOfOrder(index: 11, found: 0x11_0000),
            range(10, action: 0).setting(section, at: 12 + 11 * 8, to: 0x11_0000))
        expect(
            .rangesOutOfOrder(index: 0, found: 0),
            blob.replacingSection(section, with: BlobEditor.words([0, 0, 0])))
        expect(.unknownAction(range: 2, found: 8), range(2, action: 8))
        expect(.actionOutOfBounds(range: 2, payload: 1), range(2, action: 4 | 1 << 8))
        // U+0041...U+005A moved below U+0000 and into the surrogates.
        expect(
            .actionOutOfBounds(range: 3, payload: 0xFF_FFBE),
            range(3, action: 5 | 0xFF_FFBE << 8))
        expect(.actionOutOfBounds(range: 3, payload: 0xD7A6), range(3, action: 5 | 0xD7A6 << 8))
        expect(.actionOutOfBounds(range: 8, payload: 1), range(8, action: 6 | 1 << 8))
        expect(.actionOutOfBounds(range: 9, payload: 0), range(9, action: 7))
        expect(
            .invalidUnit(index: 0, found: 0x11_0000),
            blob.setting(section, at: units, to: 0x11_0000))
        expect(
            .invalidUnit(index: 0, found: 0xD800), blob.setting(section, at: entries, to: 0xD800))
        expect(
            .invalidUnit(index: 2, found: 2 << 21 | 1),
            blob.setting(section, at: entries + 8, to: 2 << 21 | 1))
        let long: UInt32 = 1 << 23 | 4 << 24
        expect(
            .sequenceOutOfBounds(entry: 3, found: long),
            blob.setting(section, at: entries + 12, to: long))
    }

    @Test("Templates, special tokens and words")
    func rest() {
        let pieces = 8
        expect(
            .limitExceeded(section: .templates, found: 65, maximum: 64),
            blob.setting(.templates, at: 0, to: 65))
        expect(
            .invalidPiece(template: 1, index: 0), blob.setting(.templates, at: pieces, byte: 3))
        expect(
            .tokenOutOfRange(section: .templates, id: 7, vocabularySize: 7),
            blob.setting(.templates, at: pieces + 4, to: 7))
        // The first piece becomes a second use of the first text.
        expect(
            .wrongSequenceUse(template: 1),
            blob.setting(.templates, at: pieces, to: 1).setting(.templates, at: 12, to: 0))
        expect(
            .tokenOutOfRange(section: .specialTokens, id: 7, vocabularySize: 7),
            blob.setting(.specialTokens, at: 0, to: 7))
        expect(.unknownTokenMissing, blob.setting(.specialTokens, at: 4, to: .max))
        expect(.invalidCharacterLimit(found: 0), blob.setting(.wordPiece, at: 0, to: 0))
        expect(.invalidCharacterLimit(found: 1025), blob.setting(.wordPiece, at: 0, to: 1025))
        expect(
            .limitExceeded(section: .wordPiece, found: 65, maximum: 64),
            blob.setting(.wordPiece, at: 4, to: 65))
    }
}
