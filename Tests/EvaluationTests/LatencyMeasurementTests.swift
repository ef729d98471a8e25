import Testing

@testable import Evaluation

@Suite struct LatencyMeasurementTests {
    /// A clock that moves only when told to.
    private final class Clock {
        var nanoseconds: Int64 = 0
    }

    @Test func quantilesAreInMilliseconds() {
        let latency = LatencyMeasurement(nanoseconds: [3_000_000, 1_000_000, 2_000_000])
        #expect(latency.runCount == 3)
        #expect(latency.minimum == 1)
        #expect(latency.median == 2)
        #expect(isClose(latency.p90, 2.8))
        #expect(isClose(latency.p99, 2.98))
    }

    @Test func callsGoOnUntilTheTimeIsUp() {
        let clock = Clock()
        var calls = 0
        let latency = LatencyMeasurement.measure(
            seconds: 1, clock: { clock.nanoseconds }
        ) {
            calls += 1
            clock.nanoseconds += 100_000_000
        }
        // The first two are not counted.
        #expect(calls == 12)
        #expect(latency.runCount == 10)
        #expect(latency.median == 100)
    }

    @Test func slowCallsAreStillRepeated() {
        let clock = Clock()
        let latency = LatencyMeasurement.measure(
            seconds: 0, minimumRunCount: 3, clock: { clock.nanoseconds }
        ) { clock.nanoseconds += 60_000_000_000 }
        #expect(latency.runCount == 3)
    }

    @Test func errorsComeThrough() {
        #expect(throws: LineProblem.noTokens) {
            try LatencyMeasurement.measure(seconds: 0) { () throws(LineProblem) in
                throw .noTokens
            }
        }
    }
}
