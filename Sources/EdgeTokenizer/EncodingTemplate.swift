/// How special tokens are put around one text or a pair of texts.
struct EncodingTemplate {
    enum Source: Equatable {
        case token(Int32)
        case first
        case second
    }

    struct Piece {
        let source: Source
        let typeID: Int32
    }

    let pieces: [Piece]
    /// The number of special tokens.
    let tokenCount: Int

    /// - Parameters:
    ///   - number: 1 for the template of single texts, 2 for that of pairs.
    @inline(never)
    init(
        _ reader: inout BlobReader, count: Int, number: Int, vocabularySize: Int
    ) throws(TokenizerError) {
        var pieces: [Piece] = []
        var firstCount = 0
        var secondCount = 0
        for index in 0..<count {
            let offset = try reader.take(8).lowerBound
            let source = reader.bytes[offset]
            let typeID = reader.bytes[offset + 1]
            let padding = BlobReader.uint16(reader.bytes, offset + 2)
            let id = BlobReader.uint32(reader.bytes, offset + 4)
            guard padding == 0, source <= 2, source == 0 || id == 0 else {
                throw .invalidPiece(template: number, index: index)
            }
            guard id < UInt32(vocabularySize) else {
                throw .tokenOutOfRange(
                    section: .templates, id: id, vocabularySize: vocabularySize)
            }
            if source == 1 { firstCount += 1 }
            if source == 2 { secondCount += 1 }
            let kind: Source = source == 0 ? .token(Int32(id)) : source == 1 ? .first : .second
            pieces.append(Piece(source: kind, typeID: Int32(typeID)))
        }
        guard firstCount == 1, secondCount == number - 1 else {
            throw .wrongSequenceUse(template: number)
        }
        self.pieces = pieces
        tokenCount = count - number
    }

    /// Ids of the special tokens.
    var tokens: [Int32] {
        pieces.compactMap { if case .token(let id) = $0.source { id } else { nil } }
    }

    /// How many tokens remain of two texts of `first` and `second` tokens so that no more than
    /// `budget` are left: the longer text loses first, as in Hugging Face's `longest_first`.
    static func longestFirst(_ first: Int, _ second: Int, budget: Int) -> (Int, Int) {
        if first + second <= budget { return (first, second) }
        var shorter = min(first, second)
        var longer = shorter > budget ? shorter : max(shorter, budget - shorter)
        if shorter + longer > budget {
            shorter = budget / 2
            longer = shorter + budget % 2
        }
        return first > second ? (longer, shorter) : (shorter, longer)
    }
}
