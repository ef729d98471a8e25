import CEdgePlatform

/// Nanoseconds that the threads spent in each instruction, added up.
package final class InstructionClock {
    private let instructionCount: Int
    private let threadCount: Int
    /// `[threads][instructions]`; every thread writes its own row, so none has to wait.
    private let nanoseconds: UnsafeMutablePointer<Int64>

    package init(instructionCount: Int, threadCount: Int) {
        self.instructionCount = instructionCount
        self.threadCount = threadCount
        nanoseconds = .allocate(capacity: max(1, instructionCount * threadCount))
        nanoseconds.initialize(repeating: 0, count: max(1, instructionCount * threadCount))
    }

    deinit {
        nanoseconds.deallocate()
    }

    package func total(instruction: Int) -> Int64 {
        (0..<threadCount).reduce(0) { $0 + nanoseconds[$1 * instructionCount + instruction] }
    }

    func now() -> Int64 {
        edgep_nanoseconds()
    }

    func add(since start: Int64, instruction: Int, thread: Int) {
        nanoseconds[thread * instructionCount + instruction] += edgep_nanoseconds() - start
    }
}
