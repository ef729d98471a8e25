import Testing

@testable import Evaluation

@Suite struct SampleQuantileTests {
    @Test func quantilesInterpolateBetweenNeighbours() {
        let sample: [Double] = [1, 2, 4, 8, 16]
        #expect(sample.quantile(0) == 1)
        #expect(sample.quantile(0.5) == 4)
        #expect(sample.quantile(1) == 16)
        #expect(isClose(sample.quantile(0.05), 1.2))
        #expect(isClose(sample.quantile(0.9), 12.8))
    }

    @Test func oneNumberIsEveryQuantile() {
        #expect([7.0].quantile(0.05) == 7)
        #expect([7.0].quantile(0.99) == 7)
    }
}
