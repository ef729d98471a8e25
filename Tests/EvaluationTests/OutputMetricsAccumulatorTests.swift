import Foundation
import Testing

@testable import Evaluation

@Suite struct OutputMetricsAccumulatorTests {
    @Test func vectorsGiveCosinesAndErrors() throws {
        var accumulator = OutputMetricsAccumulator(isClassifier: false)
        accumulator.add(reference: [3, 4], candidate: [4, 3], label: nil)
        accumulator.add(reference: [1, 0], candidate: [1, 0.5], label: nil)
        let metrics = try #require(accumulator.metrics)
        let second = 1 / 1.25.squareRoot()
        #expect(metrics.exampleCount == 2)
        #expect(isClose(metrics.cosine.mean, (0.96 + second) / 2))
        #expect(isClose(metrics.cosine.minimum, second))
        #expect(isClose(metrics.cosine.fifthPercentile, second + 0.05 * (0.96 - second)))
        #expect(isClose(metrics.maximumAbsoluteError, 1))
        #expect(isClose(metrics.meanAbsoluteError, 2.5 / 4))
        #expect(metrics.decisions == nil)
    }

    @Test func logitsGiveDecisions() throws {
        var accumulator = OutputMetricsAccumulator(isClassifier: true)
        // Only the reference is right, only the candidate is, both are, neither is known to be.
        accumulator.add(reference: [1, 0], candidate: [0, 1], label: 0)
        accumulator.add(reference: [1, 0], candidate: [0, 1], label: 1)
        accumulator.add(reference: [0, 1], candidate: [0, 2], label: 1)
        accumulator.add(reference: [0, 1], candidate: [2, 0], label: nil)
        let decisions = try #require(accumulator.metrics?.decisions)
        #expect(decisions.agreementCount == 1)
        #expect(decisions.labelledCount == 3)
        #expect(decisions.correctCount == 2)
        #expect(
            decisions.difference
                == PairedDifference(
                    exampleCount: 3, onlyReferenceCorrect: 1, onlyCandidateCorrect: 1))
    }

    @Test func withoutLabelsThereIsNoAccuracy() throws {
        var accumulator = OutputMetricsAccumulator(isClassifier: true)
        accumulator.add(reference: [1, 0], candidate: [1, 0], label: nil)
        let decisions = try #require(accumulator.metrics?.decisions)
        #expect(decisions.labelledCount == 0)
        #expect(decisions.difference == nil)
    }

    @Test func withoutExamplesThereAreNoMetrics() {
        #expect(OutputMetricsAccumulator(isClassifier: true).metrics == nil)
    }

    @Test func divergenceIsThatOfTheProbabilities() {
        // (3/4, 1/4) against (1/2, 1/2)
        let expected = 0.75 * log(1.5) + 0.25 * log(0.5)
        #expect(isClose(divergence([Float(log(3.0)), 0], [0, 0]), expected, tolerance: 1e-7))
        #expect(divergence([5, -3, 1], [5, -3, 1]) == 0)
    }

    @Test func divergenceOfLargeLogitsIsFinite() {
        // The candidate gives the label that is certain for the reference e⁻²⁰⁰⁰.
        #expect(isClose(divergence([1000, -1000], [-1000, 1000]), 2000))
    }

    @Test func cosineOfZerosIsDefined() {
        #expect(cosine([0, 0], [0, 0]) == 1)
        #expect(cosine([0, 0], [0, 1]) == 0)
        #expect(cosine([2, 0], [-3, 0]) == -1)
    }

    @Test func firstOfEqualLabelsIsPreferred() {
        #expect(preferredLabel([1, 3, 3]) == 1)
    }
}

func isClose(_ a: Double, _ b: Double, tolerance: Double = 1e-12) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(b))
}
