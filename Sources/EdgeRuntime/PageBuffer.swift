import CEdgePlatform

/// Zeroed pages that hold many pieces of memory of one lifetime, one behind the other.
final class PageBuffer {
    let byteCount: Int
    private let start: UnsafeMutableRawPointer
    private var used = 0

    /// Room for pieces of these sizes.
    init(pieces: [Int]) throws(RuntimeError) {
        byteCount = pieces.reduce(0) { $0 + rounded($1, up: 64) }
        guard let start = edgep_allocate_pages(max(1, byteCount)) else {
            throw .outOfMemory(byteCount: byteCount)
        }
        self.start = start
    }

    deinit {
        edgep_free_pages(start, max(1, byteCount))
    }

    /// The next piece, aligned to 64 bytes; pieces are taken in the sizes that were asked for.
    func next(byteCount: Int) -> UnsafeMutableRawPointer {
        let size = rounded(byteCount, up: 64)
        precondition(used + size <= self.byteCount, "pieces are those asked for")
        defer { used += size }
        return start + used
    }
}
