// What the library keeps to itself: sets of processors. Their headers are private.

/// Processors by their numbers, laid out as the library has them.
struct ProcessorSet: Equatable, CustomStringConvertible {
    private static let limit = 16384

    fileprivate var words = [UInt](repeating: 0, count: limit / UInt.bitWidth)

    init(_ numbers: some Sequence<Int>) {
        for number in numbers {
            words[number / UInt.bitWidth] |= 1 << (number % UInt.bitWidth)
        }
    }

    var numbers: [Int] {
        (0..<Self.limit).filter { words[$0 / UInt.bitWidth] >> ($0 % UInt.bitWidth) & 1 == 1 }
    }

    var description: String { "\(numbers)" }

    func withWords<Result>(_ body: (UnsafePointer<UInt>) -> Result) -> Result {
        words.withUnsafeBufferPointer { body($0.baseAddress!) }
    }

    /// Where the calling thread may run.
    static var allowed: ProcessorSet {
        var set = ProcessorSet([])
        set.words.withUnsafeMutableBufferPointer { allowedProcessors($0.baseAddress!) }
        return set
    }

    /// Lets the calling thread run there only.
    func keepThisThread() -> Bool {
        withWords { stayOn($0) }
    }

    /// Those that are fast by the files under a folder.
    func fast(sysfs: String) -> ProcessorSet {
        // What was in the set before must not matter.
        var fast = ProcessorSet([5, 70, 16383])
        fast.words.withUnsafeMutableBufferPointer { fast in
            withWords { fastProcessors(sysfs, $0, fast.baseAddress!) }
        }
        return fast
    }
}

extension ProcessorSet {
    /// Where so many threads stay that may use these processors, or nil if anywhere.
    func home(threadCount: Int32, sysfs: String) -> ProcessorSet? {
        var home = ProcessorSet([])
        let exists = home.words.withUnsafeMutableBufferPointer { home in
            withWords { findHome(threadCount, sysfs, $0, home.baseAddress!) }
        }
        return exists ? home : nil
    }
}

@_silgen_name("edgep_find_home")
private func findHome(
    _ threadCount: Int32, _ sysfs: UnsafePointer<CChar>, _ allowed: UnsafePointer<UInt>,
    _ home: UnsafeMutablePointer<UInt>
) -> Bool

@_silgen_name("edgep_allowed_processors")
private func allowedProcessors(_ allowed: UnsafeMutablePointer<UInt>)

@_silgen_name("edgep_stay_on")
private func stayOn(_ processors: UnsafePointer<UInt>) -> Bool

@_silgen_name("edgep_fast_processors")
private func fastProcessors(
    _ sysfs: UnsafePointer<CChar>, _ allowed: UnsafePointer<UInt>,
    _ fast: UnsafeMutablePointer<UInt>)
