/// The tokens of a word while neighbours merge.
///
/// The pair with the lowest rank merges first, of equal ones the leftmost. Candidates wait in a
/// binary heap, so that a word of n symbols takes O(n log n) steps.
struct SymbolList {
    private struct Candidate {
        let rank: UInt32
        /// What the pair becomes.
        let id: UInt32
        /// The left one of the pair.
        let position: Int

        func precedes(_ other: Candidate) -> Bool {
            rank != other.rank ? rank < other.rank : position < other.position
        }
    }

    private var ids: [UInt32] = []
    /// The right neighbour of each symbol: -1 at the end, -2 for one that has merged to its left.
    private var nexts: [Int] = []
    private var previous: [Int] = []
    private var heap: [Candidate] = []
    private static let merged = -2

    @inline(never)
    mutating func append(_ id: UInt32) {
        if let last = nexts.indices.last { nexts[last] = ids.count }
        previous.append(ids.count - 1)
        nexts.append(-1)
        ids.append(id)
    }

    var last: UInt32? { ids.last }

    /// Merges what can be merged, appends the tokens to `result`, and starts the next word.
    @inline(never)
    mutating func finish(_ merges: MergeTable, to result: inout [Int32]) {
        for position in 0..<max(ids.count - 1, 0) { add(position, merges) }
        while let candidate = removeFirst() { merge(candidate, merges) }
        for position in 0..<ids.count where nexts[position] != Self.merged {
            result.append(Int32(ids[position]))
        }
        ids.removeAll(keepingCapacity: true)
        nexts.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
    }

    private mutating func merge(_ candidate: Candidate, _ merges: MergeTable) {
        let position = candidate.position
        let next = nexts[position]
        // Since it came into the heap, one of the pair may have merged otherwise.
        guard next >= 0, let merge = merges.merge(ids[position], ids[next]),
            merge.id == candidate.id
        else { return }
        ids[position] = merge.id
        nexts[position] = nexts[next]
        nexts[next] = Self.merged
        if nexts[position] >= 0 { previous[nexts[position]] = position }
        if previous[position] >= 0 { add(previous[position], merges) }
        add(position, merges)
    }

    /// Lets the pair that starts at `position` wait, if it can merge.
    @inline(never)
    private mutating func add(_ position: Int, _ merges: MergeTable) {
        let next = nexts[position]
        guard next >= 0, let merge = merges.merge(ids[position], ids[next]) else { return }
        let candidate = Candidate(rank: merge.rank, id: merge.id, position: position)
        var place = heap.count
        heap.append(candidate)
        while place > 0 {
            let parent = (place - 1) / 2
            guard candidate.precedes(heap[parent]) else { break }
            heap[place] = heap[parent]
            place = parent
        }
        heap[place] = candidate
    }

    private mutating func removeFirst() -> Candidate? {
        guard let first = heap.first, let candidate = heap.popLast() else { return nil }
        let count = heap.count
        if count == 0 { return first }
        var place = 0
        while true {
            var child = 2 * place + 1
            if child >= count { break }
            if child + 1 < count && heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(candidate) else { break }
            heap[place] = heap[child]
            place = child
        }
        heap[place] = candidate
        return first
    }
}
