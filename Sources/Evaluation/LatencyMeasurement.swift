import CEdgePlatform

/// How long repeated calls took, in milliseconds.
package struct LatencyMeasurement: Equatable, Sendable {
    package let runCount: Int
    package let median: Double
    package let minimum: Double
    /// 90 % of the calls were faster.
    package let p90: Double
    package let p99: Double

    /// - Precondition: At least one duration.
    package init(nanoseconds: [Int64]) {
        let sorted = nanoseconds.map { Double($0) / 1e6 }.sorted()
        runCount = sorted.count
        median = sorted.quantile(0.5)
        minimum = sorted[0]
        p90 = sorted.quantile(0.9)
        p99 = sorted.quantile(0.99)
    }

    /// Calls `body` until the time is up, at least `minimumRunCount` times, after two calls that are
    /// not counted.
    ///
    /// - Parameter clock: Nanoseconds that never run backwards.
    package static func measure<Failure: Error>(
        seconds: Double, minimumRunCount: Int = 5, clock: () -> Int64 = edgep_nanoseconds,
        _ body: () throws(Failure) -> Void
    ) throws(Failure) -> LatencyMeasurement {
        for _ in 0..<2 { try body() }
        var durations: [Int64] = []
        let start = clock()
        var now = start
        while durations.count < minimumRunCount || Double(now - start) < seconds * 1e9 {
            let before = clock()
            try body()
            now = clock()
            durations.append(now - before)
        }
        return LatencyMeasurement(nanoseconds: durations)
    }
}
