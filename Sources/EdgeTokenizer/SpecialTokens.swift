/// Ids of the tokens with a role.
struct SpecialTokens {
    let padding: Int32?
    let unknown: Int32?
    let classification: Int32?
    let separator: Int32?
    let mask: Int32?

    /// Those that there are.
    var all: [Int32] {
        [padding, unknown, classification, separator, mask].compactMap { $0 }
    }

    init(_ reader: inout BlobReader, vocabularySize: Int) throws(TokenizerError) {
        var ids: [Int32?] = []
        for id in try reader.uint32s(5) {
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
    }
}
