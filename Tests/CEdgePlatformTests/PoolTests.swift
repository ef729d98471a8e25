import CEdgePlatform
import Synchronization
import Testing

@Suite("Worker pool")
struct PoolTests {
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

    @Test("every index runs once", arguments: [1, 2, 3, 8, 33] as [Int32])
    func everyIndexRunsOnce(threadCount: Int32) throws {
        let pool = try #require(edgep_pool_create(threadCount))
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
    @Test("many short jobs in a row lose no wake-up", arguments: [2, 5, 16] as [Int32])
    func manyShortJobs(threadCount: Int32) throws {
        let pool = try #require(edgep_pool_create(threadCount))
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

    @Test("results of the workers are visible to the caller")
    func resultsAreVisible() throws {
        let pool = try #require(edgep_pool_create(3))
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

    @Test("pools come and go, with and without work")
    func poolsComeAndGo() throws {
        for threadCount in [1, 2, 4] as [Int32] {
            for _ in 0..<30 {
                let pool = try #require(edgep_pool_create(threadCount))
                edgep_pool_destroy(pool)
            }
        }
        edgep_pool_destroy(nil)
        #expect(edgep_pool_create(0) == nil)
        #expect(edgep_pool_create(-3) == nil)
    }
}
