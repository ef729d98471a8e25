/// The pairs of tokens that byte-pair encoding merges.
///
/// The pairs stay in the blob, in planes of bytes: by left token, then by right token, which is
/// sought by halving.
struct MergeTable {
    struct Merge {
        /// Lower ranks merge first.
        let rank: UInt32
        let id: UInt32
    }

    private let bytes: [UInt8]
    private let count: Int
    /// By left token the first of its pairs, and at the end the number of all.
    private let starts: [UInt32]
    private let rights: Int
    private let ranks: Int
    private let results: Int

    init(
        _ reader: inout BlobReader, count: Int, vocabularySize: Int
    ) throws(TokenizerError) {
        let width = 3
        var starts = try reader.planes(vocabularySize, width: width)
        rights = try reader.take(count * width).lowerBound
        ranks = try reader.take(count * width).lowerBound
        results = try reader.take(count * width).lowerBound
        bytes = reader.bytes
        self.count = count
        var end: UInt32 = 0
        for id in 0..<starts.count {
            let next = end + starts[id]
            guard next <= UInt32(count) else {
                throw .wrongMergeCount(found: next, expected: count)
            }
            starts[id] = end
            end = next
        }
        guard end == UInt32(count) else { throw .wrongMergeCount(found: end, expected: count) }
        starts.append(end)
        self.starts = starts
    }

    private func value(_ planes: Int, _ index: Int) -> UInt32 {
        UInt32(bytes[planes + index]) | UInt32(bytes[planes + count + index]) << 8
            | UInt32(bytes[planes + 2 * count + index]) << 16
    }

    /// Checks the order of the pairs and that all tokens are there.
    func check(_ isToken: (UInt32) -> Bool) throws(TokenizerError) {
        for left in 0..<starts.count - 1 {
            let pairs = Int(starts[left])..<Int(starts[left + 1])
            if !pairs.isEmpty && !isToken(UInt32(left)) { throw .missingID(id: UInt32(left)) }
            var previous: UInt32?
            for index in pairs {
                let right = value(rights, index)
                if let previous, previous >= right { throw .mergesOutOfOrder(index: index) }
                previous = right
                guard isToken(right) else { throw .missingID(id: right) }
                let result = value(results, index)
                guard isToken(result) else { throw .missingID(id: result) }
            }
        }
    }

    /// What two neighbouring tokens become; both are ids of the vocabulary.
    func merge(_ left: UInt32, _ right: UInt32) -> Merge? {
        var low = Int(starts[Int(left)])
        let end = Int(starts[Int(left) + 1])
        var high = end
        while low < high {
            let middle = (low + high) / 2
            if value(rights, middle) < right { low = middle + 1 } else { high = middle }
        }
        guard low < end, value(rights, low) == right else { return nil }
        return Merge(rank: value(ranks, low), id: value(results, low))
    }
}
