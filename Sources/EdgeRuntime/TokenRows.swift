import EdgeFormat

/// The rows of a table that has one for some tokens only (formats/container.md, "embed").
///
/// Row r belongs to the token whose bit is the one with r others before it.
struct TokenRows {
    private let words: [UInt32]
    /// Bits before each word.
    private let counts: [UInt32]
    /// Number of bits, so of rows.
    let count: Int

    /// - Parameter bytes: One bit for each token, the lowest bit of a byte first.
    init(_ bytes: UnsafeRawBufferPointer) {
        var words = [UInt32](repeating: 0, count: (bytes.count + 3) / 4)
        for (index, byte) in bytes.enumerated() {
            words[index / 4] |= UInt32(byte) << UInt32(8 * (index % 4))
        }
        var counts: [UInt32] = []
        counts.reserveCapacity(words.count)
        var count: UInt32 = 0
        for word in words {
            counts.append(count)
            count += UInt32(word.nonzeroBitCount)
        }
        self.words = words
        self.counts = counts
        self.count = Int(count)
    }

    /// The bits of a tensor.
    ///
    /// - Throws: `tensor` if a bit belongs to no token.
    init(
        _ tensor: TensorRecord, decoder: ChunkDecoder, tokenCount: Int
    ) throws(RuntimeError) {
        let bytes = try decoder.bytes(of: tensor)
        self.init(UnsafeRawBufferPointer(start: bytes.start, count: tensor.rawByteCount))
        for token in tokenCount..<max(tokenCount, 8 * tensor.rawByteCount)
        where row(of: token) != nil {
            throw .format(
                .tensor(
                    name: tensor.name, field: "bits behind the last token", expected: 0, found: 1))
        }
    }

    /// The row of a token; nil if it has none.
    func row(of token: Int) -> Int? {
        let word = words[token / 32]
        let bit = UInt32(1) << UInt32(token % 32)
        guard word & bit != 0 else { return nil }
        return Int(counts[token / 32]) + (word & (bit - 1)).nonzeroBitCount
    }

    /// Bytes for a tensor of some bytes.
    static func byteCount(ofBytes count: Int) -> Int { (count + 3) / 4 * 8 }
}
