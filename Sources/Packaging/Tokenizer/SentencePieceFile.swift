/// What `tokenizer.model` holds: SentencePiece's ModelProto, as far as it matters.
struct SentencePieceFile {
    enum PieceType: UInt64 {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        var type = PieceType.normal
    }

    private(set) var pieces: [Piece] = []
    /// 1 Unigram, 2 BPE, 3 words, 4 characters.
    private(set) var modelType: UInt64 = 1
    private(set) var fallsBackToBytes = false
    private(set) var hasSpaceBehind = false
    /// Ids as in 32-bit two's complement; below 0 if there is none.
    private(set) var beginningID = 1
    private(set) var endID = 2
    private(set) var paddingID = -1
    private(set) var unknownText = Array(" \u{2047} ".utf8)
    private(set) var characterMap: [UInt8] = []
    private(set) var addsPrefix = true
    private(set) var removesExtraSpaces = true
    private(set) var escapesSpaces = true
    /// Whether texts are changed again when tokens become text.
    private(set) var denormalizes = false

    private let bytes: [UInt8]

    /// - Throws: if the bytes are no such message.
    init(_ bytes: [UInt8]) throws(TokenizerSourceError) {
        self.bytes = bytes
        var reader = ProtobufReader(bytes, 0..<bytes.count)
        while let field = try reader.next() {
            switch field.number {
            case 1:
                pieces.append(try piece(field.range()))
                // Before the memory for hostile files is taken.
                guard pieces.count <= TokenizerBlobWriter.Limits.vocabularySize else {
                    throw .limitExceeded(
                        quantity: "the number of pieces", found: pieces.count,
                        maximum: TokenizerBlobWriter.Limits.vocabularySize)
                }
            case 2: try readTrainer(field.range())
            case 3: try readNormalizer(field.range())
            case 5: try readDenormalizer(field.range())
            default: break
            }
        }
    }

    private func piece(_ range: Range<Int>) throws(TokenizerSourceError) -> Piece {
        var piece = Piece()
        var reader = ProtobufReader(bytes, range)
        while let field = try reader.next() {
            switch field.number {
            case 1: piece.text = try text(field)
            case 2: piece.score = try field.float()
            case 3:
                guard let type = PieceType(rawValue: try field.integer()) else {
                    throw .invalidMessage(offset: field.offset)
                }
                piece.type = type
            default: break
            }
        }
        return piece
    }

    private func text(_ field: ProtobufReader.Field) throws(TokenizerSourceError) -> [UInt8] {
        let text = [UInt8](bytes[try field.range()])
        guard TokenizerFile.sentencePiece.isValidUTF8(text) else {
            throw .invalidMessage(offset: field.offset)
        }
        return text
    }

    private static func id(_ field: ProtobufReader.Field) throws(TokenizerSourceError) -> Int {
        Int(Int32(truncatingIfNeeded: try field.integer()))
    }

    private mutating func readTrainer(_ range: Range<Int>) throws(TokenizerSourceError) {
        var reader = ProtobufReader(bytes, range)
        while let field = try reader.next() {
            switch field.number {
            case 3: modelType = try field.integer()
            case 24: hasSpaceBehind = try field.integer() != 0
            case 35: fallsBackToBytes = try field.integer() != 0
            case 41: beginningID = try Self.id(field)
            case 42: endID = try Self.id(field)
            case 43: paddingID = try Self.id(field)
            case 44: unknownText = try text(field)
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ range: Range<Int>) throws(TokenizerSourceError) {
        var reader = ProtobufReader(bytes, range)
        while let field = try reader.next() {
            switch field.number {
            case 2: characterMap = [UInt8](bytes[try field.range()])
            case 3: addsPrefix = try field.integer() != 0
            case 4: removesExtraSpaces = try field.integer() != 0
            case 5: escapesSpaces = try field.integer() != 0
            default: break
            }
        }
    }

    private mutating func readDenormalizer(_ range: Range<Int>) throws(TokenizerSourceError) {
        var reader = ProtobufReader(bytes, range)
        while let field = try reader.next() {
            if field.number == 2 { denormalizes = try !field.range().isEmpty }
        }
    }
}
