import CEdgePlatform

/// Threads that share the work of one session.
package final class ThreadPool {
    static let threadCounts = 1...1024

    private let pool: OpaquePointer
    package let threadCount: Int

    /// A pool of `threadCount` threads, the caller included.
    package init(threadCount: Int) throws(RuntimeError) {
        guard Self.threadCounts.contains(threadCount),
            let pool = edgep_pool_create(Int32(threadCount))
        else {
            throw .threads(count: threadCount)
        }
        self.pool = pool
        self.threadCount = threadCount
    }

    deinit {
        edgep_pool_destroy(pool)
    }

    /// Calls `work` with 0 ..< count and the number of the thread, and waits for all calls.
    package func run(_ count: Int, _ work: (_ index: Int, _ thread: Int) -> Void) {
        if threadCount == 1 || count <= 1 {
            for index in 0..<max(0, count) { work(index, 0) }
            return
        }
        withoutActuallyEscaping(work) { work in
            var job = Job(work: work)
            withUnsafeMutablePointer(to: &job) { job in
                edgep_pool_run(
                    pool, Int64(count),
                    { context, index, thread in
                        guard let context else { return }
                        context.assumingMemoryBound(to: Job.self).pointee
                            .work(Int(index), Int(thread))
                    }, job)
            }
        }
    }

    private struct Job {
        let work: (Int, Int) -> Void
    }

    /// How many of `count` threads can run at the same time; more would only take turns, with
    /// smaller shares of the work.
    package static func runnableCount(of count: Int) -> Int {
        min(count, max(1, Int(edgep_allowed_processor_count())))
    }

    /// How many fast processors this process may use, which is the best number of threads.
    ///
    /// The small cores of a big.LITTLE or hybrid processor do not count.
    package static var defaultThreadCount: Int {
        max(1, Int(edgep_fast_processor_count()))
    }

    /// Keeps the calling thread on the fast processors if they suffice for `threadCount` threads.
    ///
    /// The workers of a pool stay there by themselves; the thread that shares their work has to be
    /// asked by the program that owns it.
    package static func keepThisThreadFast(threadCount: Int) {
        edgep_stay_on_fast_processors(Int32(clamping: threadCount))
    }
}
