/// A piece of memory that is needed from one moment to another, both included.
struct Lifetime {
    var byteCount: Int
    var first: Int
    var last: Int

    func overlaps(_ other: Lifetime) -> Bool {
        first <= other.last && other.first <= last
    }
}

/// Where pieces of memory lie so that those with overlapping lifetimes do not: each, in order, at
/// the lowest place that is free for its whole life.
struct Placement {
    /// Byte offset of each piece, a multiple of 64.
    private(set) var offsets: [Int] = []
    private(set) var byteCount = 0

    init(_ lifetimes: [Lifetime]) {
        for (index, lifetime) in lifetimes.enumerated() {
            let size = rounded(lifetime.byteCount, up: 64)
            var offset = 0
            var isMoved = true
            // Every step goes past a piece that is in the way, so this ends.
            while isMoved {
                isMoved = false
                for other in 0..<index where lifetime.overlaps(lifetimes[other]) {
                    let end = offsets[other] + rounded(lifetimes[other].byteCount, up: 64)
                    if offset < end && offsets[other] < offset + size {
                        offset = end
                        isMoved = true
                    }
                }
            }
            offsets.append(offset)
            byteCount = max(byteCount, offset + size)
        }
    }
}
