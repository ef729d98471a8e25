/// Why a blob is not a tokenizer: one case for each rule of `formats/tokenizer.md`.
package enum TokenizerError: Error, Equatable, Sendable {
    case tooShort(byteCount: Int, minimum: Int)
    case wrongMagic(found: UInt32)
    case unsupportedVersion(found: UInt16)
    case unsupportedKind(found: UInt16)
    case unknownFlags(found: UInt32)
    case wrongByteCount(declared: UInt32, available: Int)
    case wrongSectionCount(found: UInt32, expected: Int)
    case unexpectedSection(found: UInt32, expected: TokenizerSection)
    case wrongSectionOffset(section: TokenizerSection, found: UInt32, expected: Int)
    case sectionOutOfBounds(section: TokenizerSection, byteCount: UInt32, available: Int)
    case nonzeroPadding(offset: Int)
    case sectionTooShort(section: TokenizerSection, needed: Int, available: Int)
    case sectionTooLong(section: TokenizerSection, excess: Int)
    case limitExceeded(section: TokenizerSection, found: UInt32, maximum: Int)
    case emptyVocabulary
    case wrongTextByteCount(section: TokenizerSection, found: UInt32, expected: Int)
    case tokensOutOfOrder(section: TokenizerSection, rank: Int)
    case tokenOutOfRange(section: TokenizerSection, id: UInt32, vocabularySize: Int)
    case duplicateID(section: TokenizerSection, id: UInt32)
    case addedTokenDiffers(id: UInt32)
    case emptyAddedToken(rank: Int)
    case illFormedAddedToken(rank: Int)
    case unmatchableAddedToken(rank: Int)
    case missingID(id: UInt32)
    case unknownTokenFlags(section: TokenizerSection, rank: Int, found: UInt8)
    case invalidWhitespace(index: Int, found: UInt32)
    case rangesOutOfOrder(index: Int, found: UInt32)
    case unknownAction(range: Int, found: UInt32)
    case actionOutOfBounds(range: Int, payload: UInt32)
    case invalidUnit(index: Int, found: UInt32)
    case sequenceOutOfBounds(entry: Int, found: UInt32)
    case invalidPiece(template: Int, index: Int)
    case wrongSequenceUse(template: Int)
    case unknownTokenMissing
    case invalidCharacterLimit(found: UInt32)
    case unknownSectionFlags(section: TokenizerSection, found: UInt32)
    case unexpectedRole(index: Int)
    case invalidComposition(index: Int)
    case unknownRule(found: UInt8)
    case unknownDecoding(found: UInt8)
    case invalidClass(index: Int, found: UInt32)
    case wrongMergeCount(found: UInt32, expected: Int)
    case mergesOutOfOrder(index: Int)
    case missingByte(UInt8)
    case invalidUnknownText
    case invalidReplacements
}

extension TokenizerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooShort(let byteCount, let minimum):
            "tokenizer has \(byteCount) bytes, its header and directory need \(minimum)"
        case .wrongMagic(let found):
            "tokenizer starts with the number \(found) instead of ATOK"
        case .unsupportedVersion(let found):
            "tokenizer has format version \(found), this program reads version 1"
        case .unsupportedKind(let found):
            "tokenizer is of kind \(found), this program knows the kinds 1 to 3"
        case .unknownFlags(let found):
            "tokenizer has the flags \(found), only bit 0 is defined"
        case .wrongByteCount(let declared, let available):
            "tokenizer declares \(declared) bytes and has \(available)"
        case .wrongSectionCount(let found, let expected):
            "tokenizer has \(found) sections, its kind has \(expected)"
        case .unexpectedSection(let found, let expected):
            "tokenizer has section \(found) in the place of section \(expected.rawValue)"
        case .wrongSectionOffset(let section, let found, let expected):
            "\(Self.name(section)) starts at byte \(found) instead of \(expected)"
        case .sectionOutOfBounds(let section, let byteCount, let available):
            "\(Self.name(section)) declares \(byteCount) bytes, \(available) are left"
        case .nonzeroPadding(let offset):
            "tokenizer has a padding byte other than 0 at byte \(offset)"
        case .sectionTooShort(let section, let needed, let available):
            "\(Self.name(section)) needs \(needed) more bytes, \(available) are left"
        case .sectionTooLong(let section, let excess):
            "\(Self.name(section)) has \(excess) bytes after its last field"
        case .limitExceeded(let section, let found, let maximum):
            "\(Self.name(section)) declares a count of \(found), the limit is \(maximum)"
        case .emptyVocabulary:
            "tokenizer has no token"
        case .wrongTextByteCount(let section, let found, let expected):
            "\(Self.name(section)) declares \(found) bytes of text, its lengths add to \(expected)"
        case .tokensOutOfOrder(let section, let rank):
            "\(Self.name(section)) has token \(rank) not after the one before it"
        case .tokenOutOfRange(let section, let id, let vocabularySize):
            "\(Self.name(section)) names token \(id) of \(vocabularySize)"
        case .duplicateID(let section, let id):
            "\(Self.name(section)) has token id \(id) twice"
        case .addedTokenDiffers(let id):
            "added token \(id) has other bytes than token \(id) of the vocabulary"
        case .emptyAddedToken(let rank):
            "added token \(rank) is empty"
        case .illFormedAddedToken(let rank):
            "added token \(rank) is not UTF-8"
        case .unmatchableAddedToken(let rank):
            "normalized added token \(rank) is empty, has white space or is there twice"
        case .missingID(let id):
            "tokenizer has no token with id \(id)"
        case .unknownTokenFlags(let section, let rank, let found):
            "\(Self.name(section)) has the undefined flags \(found) at token \(rank)"
        case .invalidWhitespace(let index, let found):
            "white space \(index) of the added tokens is \(found), not a higher scalar value"
        case .rangesOutOfOrder(let index, let found):
            "normalization range \(index) starts at \(found), out of order"
        case .unknownAction(let range, let found):
            "normalization range \(range) has the undefined action \(found)"
        case .actionOutOfBounds(let range, let payload):
            "normalization range \(range) leads out of bounds with payload \(payload)"
        case .invalidUnit(let index, let found):
            "normalization unit \(index) has the invalid value \(found)"
        case .sequenceOutOfBounds(let entry, let found):
            "normalization entry \(entry) leads out of bounds with \(found)"
        case .invalidPiece(let template, let index):
            "template \(template) has an invalid piece \(index)"
        case .wrongSequenceUse(let template):
            "template \(template) does not use each of its texts once"
        case .unknownTokenMissing:
            "tokenizer has no token for unknown words"
        case .invalidCharacterLimit(let found):
            "tokenizer limits words to \(found) characters, not to 1...1024"
        case .unknownSectionFlags(let section, let found):
            "\(Self.name(section)) has undefined flags among \(found)"
        case .unexpectedRole(let index):
            "normalization range, entry or unit \(index) ends a word"
        case .invalidComposition(let index):
            "composition \(index) is out of order or no character"
        case .unknownRule(let found):
            "tokenizer splits text by the undefined rule \(found)"
        case .unknownDecoding(let found):
            "tokenizer makes text by the undefined rule \(found)"
        case .invalidClass(let index, let found):
            "class \(index) of characters is out of order or undefined: \(found)"
        case .wrongMergeCount(let found, let expected):
            "merges section counts \(found) merges by their tokens instead of \(expected)"
        case .mergesOutOfOrder(let index):
            "merge \(index) is not after the one before it"
        case .missingByte(let byte):
            "tokenizer has no token for the byte \(byte)"
        case .invalidUnknownText:
            "text for unknown characters is not UTF-8"
        case .invalidReplacements:
            "texts that replace characters are not UTF-8 or have no end"
        }
    }

    private static func name(_ section: TokenizerSection) -> String {
        let name = section.name
        return name.withUTF8Buffer { String(decoding: $0, as: UTF8.self) } + " section"
    }
}
