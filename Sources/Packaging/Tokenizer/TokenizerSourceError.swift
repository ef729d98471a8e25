package import Checkpoints

/// Why a tokenizer cannot be packed: nothing is approximated.
package enum TokenizerSourceError: Error, Equatable, Sendable {
    case noVocabulary
    case invalidUTF8(file: TokenizerFile)
    case invalidJSON(file: TokenizerFile, JSONError)
    case duplicateKey(file: TokenizerFile, key: String)
    case missingField(file: TokenizerFile, name: String)
    case wrongType(file: TokenizerFile, name: String, expected: String, found: String)
    case unsupportedModel(found: String)
    case unsupportedNormalizer(found: String)
    case unsupportedPreTokenizer(found: String)
    case unsupportedPostProcessor(found: String)
    case unsupportedClass(found: String)
    case unsupportedOption(file: TokenizerFile, name: String, found: String, supported: String)
    case conflictingOption(name: String, tokenizer: String, configuration: String)
    case unsupportedAddedToken(token: String, option: String)
    case carriageReturn(line: Int)
    case duplicateToken(token: String, first: Int, second: Int)
    case duplicateID(id: Int, first: String, second: String)
    case missingID(id: Int, tokenCount: Int)
    case unknownTokenMissing(token: String)
    case specialTokenMissing(name: String, token: String)
    case addedTokenMismatch(token: String, id: Int, vocabularyID: Int)
    case templateTokenMissing(token: String)
    case templateIDMissing(token: String, id: Int, tokenCount: Int)
    case wrongTemplate(name: String)
    case limitExceeded(quantity: String, found: Int, maximum: Int)
    case unsupportedDecoder(found: String)
    case unsupportedExpression(found: String)
    case mergeMissing(rank: Int, left: String, right: String)
    case tokenWithoutBytes(token: String)
    case invalidMessage(offset: Int)
    case unsupportedPiece(piece: String, reason: String)
}

extension TokenizerSourceError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noVocabulary:
            "the folder has neither tokenizer.json nor vocab.txt nor tokenizer.model"
        case .invalidUTF8(let file):
            "\(file.name) is not UTF-8"
        case .invalidJSON(let file, let error):
            "\(file.name) is not JSON: \(error)"
        case .duplicateKey(let file, let key):
            "\(file.name) has the key \"\(key)\" twice in one object"
        case .missingField(let file, let name):
            "\(file.name) has no \(name)"
        case .wrongType(let file, let name, let expected, let found):
            "\(file.name) has \(found) as \(name), expected \(expected)"
        case .unsupportedModel(let found):
            "tokenizer.json has a model of type \(found), supported are WordPiece and BPE"
        case .unsupportedNormalizer(let found):
            "tokenizer.json has a normalizer of type \(found), supported are BertNormalizer with "
                + "WordPiece, and with BPE none, NFC for bytes, Prepend and Replace for U+2581"
        case .unsupportedPreTokenizer(let found):
            "tokenizer.json has a pre-tokenizer of type \(found), supported are BertPreTokenizer "
                + "with WordPiece, and with BPE ByteLevel, also behind Digits or Split, and Metaspace"
        case .unsupportedPostProcessor(let found):
            "tokenizer.json has a post-processor of type \(found), supported are "
                + "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and a Sequence"
        case .unsupportedClass(let found):
            "tokenizer_config.json names the class \(found), vocab.txt alone is supported for "
                + "BertTokenizer, DistilBertTokenizer, ElectraTokenizer and MobileBertTokenizer"
        case .unsupportedOption(let file, let name, let found, let supported):
            "\(file.name) has \(found) as \(name), supported is \(supported)"
        case .conflictingOption(let name, let tokenizer, let configuration):
            "\(name) is \(tokenizer) in tokenizer.json and \(configuration) in "
                + "tokenizer_config.json"
        case .unsupportedAddedToken(let token, let option):
            "added token \"\(token)\" has the unsupported option \(option)"
        case .carriageReturn(let line):
            "vocab.txt has a carriage return within line \(line)"
        case .duplicateToken(let token, let first, let second):
            "token \"\(token)\" has the ids \(first) and \(second)"
        case .duplicateID(let id, let first, let second):
            "token id \(id) belongs to \"\(first)\" and \"\(second)\""
        case .missingID(let id, let tokenCount):
            "no token has the id \(id), though there are \(tokenCount) tokens"
        case .unknownTokenMissing(let token):
            "the vocabulary lacks the token \"\(token)\" for unknown words"
        case .specialTokenMissing(let name, let token):
            "\(name) is \"\(token)\", which is not in the vocabulary"
        case .addedTokenMismatch(let token, let id, let vocabularyID):
            "added token \"\(token)\" has the id \(id), in the vocabulary it has \(vocabularyID)"
        case .templateTokenMissing(let token):
            "the post-processor uses the special token \"\(token)\" without naming its ids"
        case .templateIDMissing(let token, let id, let tokenCount):
            "the post-processor gives \"\(token)\" the id \(id) of \(tokenCount)"
        case .wrongTemplate(let name):
            "the post-processor's template \"\(name)\" does not use each text once"
        case .limitExceeded(let quantity, let found, let maximum):
            "\(quantity) is \(found), the limit is \(maximum)"
        case .unsupportedDecoder(let found):
            "tokenizer.json has a decoder of type \(found), supported are ByteLevel and "
                + "Sequence[Replace, ByteFallback, Fuse, Strip]"
        case .unsupportedExpression(let found):
            "tokenizer.json splits text by the unknown expression \(found.quoted)"
        case .mergeMissing(let rank, let left, let right):
            "merge \(rank) of \(left.quoted) and \(right.quoted) has a token that is not in the "
                + "vocabulary"
        case .tokenWithoutBytes(let token):
            "token \(token.quoted) is not written in the characters that stand for bytes"
        case .invalidMessage(let offset):
            "tokenizer.model is not a SentencePiece model: wrong field at byte \(offset)"
        case .unsupportedPiece(let piece, let reason):
            "tokenizer.model has the piece \(piece.quoted), \(reason)"
        }
    }
}
