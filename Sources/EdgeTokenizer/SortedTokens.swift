/// Tokens in ascending byte order, searched by narrowing a range of ranks byte by byte.
final class SortedTokens: Sendable {
    /// Token id by rank.
    let ids: [UInt32]
    private let bytes: [UInt8]
    /// Where the token of each rank starts in the blob, and where the last one ends.
    private let starts: [UInt32]

    /// A token found in a text: its rank, and where in the text it ends.
    struct Match {
        let rank: Int
        let end: Int
    }

    /// Reads counts, ids, lengths and texts; checks the order, not the ids.
    init(_ reader: inout BlobReader, maximumCount: Int) throws(TokenizerError) {
        let section = reader.section
        let count = try reader.count(maximum: maximumCount)
        let textByteCount = try reader.uint32()
        ids = try reader.planes(count, width: 4)
        let lengths = try reader.planes(count, width: 2)
        guard let textCount = Int(exactly: textByteCount) else {
            throw .wrongTextByteCount(section: section, found: textByteCount, expected: 0)
        }
        let text = try reader.take(textCount)
        bytes = reader.bytes

        var starts: [UInt32] = []
        starts.reserveCapacity(count + 1)
        var end = text.lowerBound
        for length in lengths {
            guard length <= UInt32(TokenizerLayout.maximumTokenByteCount) else {
                throw .limitExceeded(
                    section: section, found: length,
                    maximum: TokenizerLayout.maximumTokenByteCount)
            }
            starts.append(UInt32(end))
            end += Int(length)
        }
        starts.append(UInt32(end))
        guard end == text.upperBound else {
            throw .wrongTextByteCount(
                section: section, found: textByteCount, expected: end - text.lowerBound)
        }
        self.starts = starts
        for rank in 0..<max(count - 1, 0) where !isAscending(rank) {
            throw .tokensOutOfOrder(section: section, rank: rank + 1)
        }
    }

    var count: Int { ids.count }

    func byteCount(_ rank: Int) -> Int { Int(starts[rank + 1] - starts[rank]) }

    /// The bytes of a token.
    subscript(rank: Int) -> ArraySlice<UInt8> { bytes[Int(starts[rank])..<Int(starts[rank + 1])] }

    private func byte(_ rank: Int, _ depth: Int) -> UInt8 { bytes[Int(starts[rank]) + depth] }

    private func isAscending(_ rank: Int) -> Bool {
        var left = Int(starts[rank])
        var right = Int(starts[rank + 1])
        let leftEnd = right
        let rightEnd = Int(starts[rank + 2])
        while left < leftEnd && right < rightEnd {
            if bytes[left] != bytes[right] { return bytes[left] < bytes[right] }
            left += 1
            right += 1
        }
        return left == leftEnd && right < rightEnd
    }

    /// The first rank within `ranks` whose byte at `depth` is at least `value`; all of `ranks`
    /// are longer than `depth` and agree before it.
    private func lowerBound(_ value: UInt16, depth: Int, _ ranks: Range<Int>) -> Int {
        var low = ranks.lowerBound
        var high = ranks.upperBound
        while low < high {
            let middle = (low + high) / 2
            if UInt16(byte(middle, depth)) < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The ranks of the tokens that start with `prefix` and are longer than it.
    func ranks(startingWith prefix: ArraySlice<UInt8>) -> Range<Int> {
        var ranks = 0..<count
        var depth = 0
        for value in prefix {
            ranks = longer(than: depth, ranks)
            let low = lowerBound(UInt16(value), depth: depth, ranks)
            ranks = low..<lowerBound(UInt16(value) + 1, depth: depth, low..<ranks.upperBound)
            depth += 1
        }
        return longer(than: depth, ranks)
    }

    /// Of ranks that agree in their first `depth` bytes, those with more bytes.
    private func longer(than depth: Int, _ ranks: Range<Int>) -> Range<Int> {
        guard let first = ranks.first, byteCount(first) == depth else { return ranks }
        return first + 1..<ranks.upperBound
    }

    /// The rank of the token that is this part of a text.
    func rank(of text: [UInt8], _ part: Range<Int>) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            let order = order(middle, text, part)
            if order == 0 { return middle }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Negative if a token stands before this part of a text, 0 if it is the same.
    private func order(_ rank: Int, _ text: [UInt8], _ part: Range<Int>) -> Int {
        var own = Int(starts[rank])
        let ownEnd = Int(starts[rank + 1])
        var other = part.lowerBound
        while own < ownEnd && other < part.upperBound {
            if bytes[own] != text[other] { return bytes[own] < text[other] ? -1 : 1 }
            own += 1
            other += 1
        }
        return own < ownEnd ? 1 : other < part.upperBound ? -1 : 0
    }

    /// Ranks by the first byte after a common prefix.
    struct Index {
        /// The length of the prefix.
        fileprivate let depth: Int
        /// The ranks with byte `b` are `bounds[b]..<bounds[b + 1]`.
        fileprivate let bounds: [UInt32]

        /// Whether a token goes on with this byte.
        func contains(_ byte: UInt8) -> Bool { bounds[Int(byte)] < bounds[Int(byte) + 1] }
    }

    func index(prefix: ArraySlice<UInt8>) -> Index {
        let ranks = ranks(startingWith: prefix)
        var bounds = [UInt32](repeating: 0, count: 257)
        for rank in ranks { bounds[Int(byte(rank, prefix.count)) + 1] += 1 }
        bounds[0] = UInt32(ranks.lowerBound)
        for value in 1...256 { bounds[value] += bounds[value - 1] }
        return Index(depth: prefix.count, bounds: bounds)
    }

    /// The longest token of an index that, without the index's prefix, stands in `text` at
    /// `start`, which lies before `end`.
    func longestMatch(
        _ text: [UInt8], from start: Int, to end: Int, _ index: Index
    ) -> Match? {
        var low = Int(index.bounds[Int(text[start])])
        var high = Int(index.bounds[Int(text[start]) + 1])
        var position = start + 1
        var depth = index.depth + 1
        var best: Match?
        while low < high {
            if byteCount(low) == depth {
                best = Match(rank: low, end: position)
                low += 1
            }
            if position == end { break }
            let value = UInt16(text[position])
            low = lowerBound(value, depth: depth, low..<high)
            high = lowerBound(value + 1, depth: depth, low..<high)
            position += 1
            depth += 1
        }
        return best
    }
}
