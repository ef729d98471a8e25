import CEdgePlatform
import Glibc
import Synchronization
import Testing

// Pools that start more threads than the machine has processors; the header is private.
@_silgen_name("edgep_pool_create_on")
private func createPool(
    _ threadCount: Int32, _ startedCount: Int32, _ spinNanoseconds: Int64,
    _ home: UnsafePointer<UInt>?
) -> OpaquePointer?

@Suite("Worker pool")
struct PoolTests {
    /// How the threads of a pool share the processors.
    enum Threads: CaseIterable {
        /// As the library decides on this machine.
        case chosen
        /// All are started, and sleep at once when there is nothing to do.
        case allSleeping
        /// All are started, and spin first.
        case allSpinning

        func pool(_ threadCount: Int32) -> OpaquePointer? {
            switch self {
            case .chosen: edgep_pool_create(threadCount)
            case .allSleeping: createPool(threadCount, threadCount, 0, nil)
            case .allSpinning: createPool(threadCount, threadCount, 60_000, nil)
            }
        }
    }

    /// What a job saw: how often each index ran, and whether the thread numbers were in range.
    private final class Job: Sendable {
        let calls: Mutex<[Int]>
        let largestThread = Atomic<Int32>(-1)
        let smallestThread = Atomic<Int32>(.max)

        init(count: Int) {
            calls = Mutex([Int](repeating: 0, count: count))
        }

        func run(on pool: OpaquePointer, count: Int64) {
            edgep_pool_run(
                pool, count,
                { context, index, thread in
                    let job = Unmanaged<Job>.fromOpaque(context!).takeUnretainedValue()
                    job.calls.withLock { $0[Int(index)] += 1 }
                    job.largestThread.max(thread, ordering: .relaxed)
                    job.smallestThread.min(thread, ordering: .relaxed)
                }, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    @Test(
        "every index runs once", arguments: [1, 2, 3, 8, 33] as [Int32], Threads.allCases)
    func everyIndexRunsOnce(threadCount: Int32, threads: Threads) throws {
        let pool = try #require(threads.pool(threadCount))
        #expect(edgep_pool_thread_count(pool) == threadCount)
        for count in [0, 1, 2, 3, 7, 64, 1000] {
            let job = Job(count: count)
            job.run(on: pool, count: Int64(count))
            #expect(job.calls.withLock { $0.allSatisfy { $0 == 1 } })
            if count > 0 {
                #expect(job.smallestThread.load(ordering: .relaxed) >= 0)
                #expect(job.largestThread.load(ordering: .relaxed) < threadCount)
            }
        }
        edgep_pool_destroy(pool)
    }

    @Test("one index and one thread run on the caller")
    func singleIndexRunsInline() throws {
        let pool = try #require(edgep_pool_create(4))
        for _ in 0..<50 {
            let job = Job(count: 1)
            job.run(on: pool, count: 1)
            #expect(job.largestThread.load(ordering: .relaxed) == 0)
        }
        edgep_pool_destroy(pool)
    }

    /// A lost wake-up would hang here; pauses let the workers fall asleep between jobs.
    @Test(
        "many short jobs in a row lose no wake-up", arguments: [2, 5, 16] as [Int32],
        Threads.allCases)
    func manyShortJobs(threadCount: Int32, threads: Threads) throws {
        let pool = try #require(threads.pool(threadCount))
        let sum = Atomic<Int64>(0)
        withUnsafePointer(to: sum) { sum in
            for round in 0..<3000 {
                edgep_pool_run(
                    pool, 5,
                    { context, index, _ in
                        let sum = context!.assumingMemoryBound(to: Atomic<Int64>.self)
                        sum.pointee.add(index + 1, ordering: .relaxed)
                    }, UnsafeMutableRawPointer(mutating: sum))
                #expect(sum.pointee.load(ordering: .relaxed) == Int64(15 * (round + 1)))
                if round % 100 == 0 {
                    let wake = edgep_nanoseconds() + 1_000_000
                    while edgep_nanoseconds() < wake {}
                }
            }
        }
        edgep_pool_destroy(pool)
    }

    @Test("results of the workers are visible to the caller", arguments: Threads.allCases)
    func resultsAreVisible(threads: Threads) throws {
        let pool = try #require(threads.pool(3))
        let squares = UnsafeMutablePointer<Int64>.allocate(capacity: 500)
        defer { squares.deallocate() }
        for round in 0..<200 {
            for i in 0..<500 { squares[i] = -1 }
            edgep_pool_run(
                pool, 500,
                { context, index, _ in
                    context!.assumingMemoryBound(to: Int64.self)[Int(index)] = index * index
                }, squares)
            #expect((0..<500).allSatisfy { squares[$0] == Int64($0 * $0) }, "round \(round)")
        }
        edgep_pool_destroy(pool)
    }

    /// Threads that sleep in their work give all others the time to join.
    @Test("no more threads work than there are processors")
    func noMoreThreadsThanProcessors() throws {
        let pool = try #require(edgep_pool_create(64))
        #expect(edgep_pool_thread_count(pool) == 64)
        let largestThread = Atomic<Int32>(-1)
        withUnsafePointer(to: largestThread) { largestThread in
            edgep_pool_run(
                pool, 128,
                { context, _, thread in
                    usleep(1000)
                    context!.assumingMemoryBound(to: Atomic<Int32>.self).pointee
                        .max(thread, ordering: .relaxed)
                }, UnsafeMutableRawPointer(mutating: largestThread))
        }
        edgep_pool_destroy(pool)
        let processorCount = ProcessorSet.allowed.numbers.count
        #expect(largestThread.load(ordering: .relaxed) < Int32(min(64, processorCount)))
    }

    @Test("workers stay where the pool is at home, and the caller where it was")
    func workersStayAtHome() throws {
        let before = ProcessorSet.allowed
        for processor in before.numbers {
            let home = ProcessorSet([processor])
            let pool = try #require(home.withWords { createPool(4, 4, 0, $0) })
            let places = Mutex<[(thread: Int32, allowed: ProcessorSet)]>([])
            withUnsafePointer(to: places) { places in
                edgep_pool_run(
                    pool, 32,
                    { context, _, thread in
                        usleep(1000)
                        let places = context!.assumingMemoryBound(
                            to: Mutex<[(thread: Int32, allowed: ProcessorSet)]>.self)
                        let allowed = ProcessorSet.allowed
                        places.pointee.withLock { $0.append((thread, allowed)) }
                    }, UnsafeMutableRawPointer(mutating: places))
            }
            edgep_pool_destroy(pool)
            places.withLock { places in
                #expect(places.count == 32)
                #expect(places.contains { $0.thread != 0 })
                for place in places {
                    #expect(place.allowed == (place.thread == 0 ? before : home))
                }
            }
            #expect(ProcessorSet.allowed == before)
        }
    }

    @Test("pools come and go, with and without work", arguments: Threads.allCases)
    func poolsComeAndGo(threads: Threads) throws {
        for threadCount in [1, 2, 4] as [Int32] {
            for _ in 0..<30 {
                let pool = try #require(threads.pool(threadCount))
                edgep_pool_destroy(pool)
            }
        }
        edgep_pool_destroy(nil)
        #expect(edgep_pool_create(0) == nil)
        #expect(edgep_pool_create(-3) == nil)
    }
}
