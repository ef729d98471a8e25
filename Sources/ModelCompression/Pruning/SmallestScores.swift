/// Finds the smallest of many scores in two passes, without sorting or copying them.
///
/// Magnitudes of floats are ordered as their bit patterns are: the first pass counts the upper 16
/// bits, the second the lower 16 bits of those scores that share the deciding upper ones.
enum SmallestScores {
    /// Marks the `count` smallest; of equal scores the first ones.
    ///
    /// - Parameter scores: Not negative and finite.
    static func mark(_ count: Int, of scores: [Float]) -> [Bool] {
        guard count > 0 else { return [Bool](repeating: false, count: scores.count) }
        guard count < scores.count else { return [Bool](repeating: true, count: scores.count) }
        var counts = [Int](repeating: 0, count: 1 << 16)
        for score in scores { counts[Int(score.bitPattern >> 16)] += 1 }
        let (upper, above) = place(count, in: counts)
        counts = [Int](repeating: 0, count: 1 << 16)
        for score in scores where Int(score.bitPattern >> 16) == upper {
            counts[Int(score.bitPattern & 0xffff)] += 1
        }
        let (lower, rest) = place(above, in: counts)
        let bound = UInt32(upper) << 16 | UInt32(lower)
        // Of the scores equal to the bound, as many as are still missing.
        var ties = rest
        return scores.map { score in
            if score.bitPattern < bound { return true }
            guard score.bitPattern == bound, ties > 0 else { return false }
            ties -= 1
            return true
        }
    }

    /// The bin that holds the number of rank `count`, and that rank within the bin, from 1.
    private static func place(_ count: Int, in counts: [Int]) -> (bin: Int, rank: Int) {
        var rank = count
        for (bin, found) in counts.enumerated() {
            if rank <= found { return (bin, rank) }
            rank -= found
        }
        return (counts.count - 1, rank)
    }
}
