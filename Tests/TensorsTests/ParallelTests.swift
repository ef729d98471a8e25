import Synchronization
import Tensors
import Testing

/// The number of threads is that of the process, and other tests set it, too: what is said here
/// holds for any.
@Suite struct ParallelTests {
    private func ranges(of count: Int, grain: Int, threads: Int) -> [Range<Int>] {
        Parallel.threadCount = threads
        let found = Mutex<[Range<Int>]>([])
        Parallel.forEachRange(of: count, grain: grain) { range in
            found.withLock { $0.append(range) }
        }
        return found.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
    }

    @Test(arguments: [1, 2, 3, 16])
    func rangesMakeUpTheWhole(threads: Int) {
        for count in [1, 2, 7, 8, 100, 1001] {
            for grain in [1, 3, 64, 5000] {
                let ranges = ranges(of: count, grain: grain, threads: threads)
                #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == count)
                for (range, next) in zip(ranges, ranges.dropFirst()) {
                    #expect(range.upperBound == next.lowerBound)
                }
                #expect(ranges.dropLast().allSatisfy { $0.count >= grain })
                if grain >= count { #expect(ranges.count == 1) }
            }
        }
    }

    @Test func threadsShareTheWorkAndOneDoesItWhole() {
        func happens(_ threads: Int, _ isRight: (Int) -> Bool) -> Bool {
            // Another test may set the number in between, but not every time.
            (0..<1000).contains { _ in
                isRight(ranges(of: 1000, grain: 1, threads: threads).count)
            }
        }
        #expect(happens(4) { $0 == 16 })
        #expect(happens(1) { $0 == 1 })
    }

    @Test func nothingToDoCallsNobody() {
        #expect(ranges(of: 0, grain: 1, threads: 4).isEmpty)
    }

    @Test func thereIsAlwaysOneThread() {
        for count in [0, -3, Int.min] {
            Parallel.threadCount = count
            #expect(Parallel.threadCount >= 1)
        }
    }
}
