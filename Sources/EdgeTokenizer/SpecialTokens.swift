/// Ids of the tokens with a role.
struct SpecialTokens {
    let padding: Int32?
    let unknown: Int32?
    let classification: Int32?
    let separator: Int32?
    let mask: Int32?
    let beginning: Int32?
    let end: Int32?

    /// Those that there are.
    var all: [Int32] {
        [padding, unknown, classification, separator, mask, beginning, end].compactMap { $0 }
    }

    /// - Parameter count: 5, or 7 with those at the beginning and at the end of a text.
    init(
        _ reader: inout BlobReader, count: Int, vocabularySize: Int
    ) throws(TokenizerError) {
        var ids: [Int32?] = []
        for id in try reader.uint32s(count) {
            if id == TokenizerLayout.noToken {
                ids.append(nil)
            } else if id < UInt32(vocabularySize) {
                ids.append(Int32(id))
            } else {
                throw .tokenOutOfRange(
                    section: .specialTokens, id: id, vocabularySize: vocabularySize)
            }
        }
        try reader.finish()
        padding = ids[0]
        unknown = ids[1]
        classification = ids[2]
        separator = ids[3]
        mask = ids[4]
        beginning = count > 5 ? ids[5] : nil
        end = count > 6 ? ids[6] : nil
    }
}
