/// The numbers from 0 to `count` − 1 in an order, equal ones by their size (heap sort, Williams
/// 1964).
///
/// For programs on devices: the standard library's sorting is generic and takes kilobytes of the
/// binary for each type and order that it is used with.
///
/// - Parameter precedes: Whether the first number must come before the second.
package func stableOrder(
    of count: Int, _ precedes: (_ left: Int, _ right: Int) -> Bool
) -> [Int] {
    var heap = [Int](0..<max(0, count))

    func isBefore(_ left: Int, _ right: Int) -> Bool {
        precedes(left, right) || (left < right && !precedes(right, left))
    }

    /// Lets the number at a place sink until none below it comes after it.
    func sink(from start: Int, end: Int) {
        var place = start
        while 2 * place + 1 < end {
            var child = 2 * place + 1
            if child + 1 < end, isBefore(heap[child], heap[child + 1]) { child += 1 }
            guard isBefore(heap[place], heap[child]) else { return }
            heap.swapAt(place, child)
            place = child
        }
    }

    for start in stride(from: count / 2 - 1, through: 0, by: -1) { sink(from: start, end: count) }
    for end in stride(from: count - 1, to: 0, by: -1) {
        heap.swapAt(0, end)
        sink(from: 0, end: end)
    }
    return heap
}
