import Dispatch
import Synchronization

/// Work of plain loops, shared out to threads; results never depend on how many there are.
package enum Parallel {
    private static let count = Atomic<Int>(1)

    /// How many threads take part, for the whole process.
    package static var threadCount: Int {
        get { count.load(ordering: .relaxed) }
        set { count.store(max(1, newValue), ordering: .relaxed) }
    }

    /// Calls `body` with ranges that make up `0..<count`, each of at least `grain` indices but the
    /// last; with one thread, or little to do, there is one range.
    package static func forEachRange(
        of count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void
    ) {
        guard count > 0 else { return }
        let threads = threadCount
        let size = max(1, grain, (count + 4 * threads - 1) / (4 * threads))
        let ranges = (count + size - 1) / size
        guard threads > 1, ranges > 1 else { return body(0..<count) }
        DispatchQueue.concurrentPerform(iterations: ranges) { index in
            body(index * size..<min(count, (index + 1) * size))
        }
    }
}
