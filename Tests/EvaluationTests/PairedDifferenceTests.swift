import Testing

@testable import Evaluation

@Suite struct PairedDifferenceTests {
    @Test func intervalFollowsTheFormula() {
        let difference = PairedDifference(
            exampleCount: 100, onlyReferenceCorrect: 5, onlyCandidateCorrect: 1)
        #expect(isClose(difference.estimate, -0.04))
        // m = 102: −4/102 ± 1.959964 · √(7 − 16/102) / 102
        #expect(isClose(difference.interval.lowerBound, -0.089481827223, tolerance: 1e-9))
        #expect(isClose(difference.interval.upperBound, 0.011050454674, tolerance: 1e-9))
    }

    @Test func equalDecisionsStillLeaveDoubt() {
        let difference = PairedDifference(
            exampleCount: 50, onlyReferenceCorrect: 0, onlyCandidateCorrect: 0)
        #expect(difference.estimate == 0)
        // 1.959964 / 52
        #expect(isClose(difference.interval.upperBound, 0.0376916, tolerance: 1e-6))
        #expect(difference.interval.lowerBound == -difference.interval.upperBound)
    }

    @Test func intervalStaysWithinWhatIsPossible() {
        let difference = PairedDifference(
            exampleCount: 10, onlyReferenceCorrect: 0, onlyCandidateCorrect: 10)
        #expect(difference.estimate == 1)
        #expect(difference.interval.upperBound == 1)
        #expect(isClose(difference.interval.lowerBound, 0.566616017980, tolerance: 1e-9))
    }

    @Test func orderOfTheTwoMirrorsTheInterval() {
        let one = PairedDifference(
            exampleCount: 30, onlyReferenceCorrect: 4, onlyCandidateCorrect: 2)
        let other = PairedDifference(
            exampleCount: 30, onlyReferenceCorrect: 2, onlyCandidateCorrect: 4)
        #expect(isClose(one.interval.lowerBound, -other.interval.upperBound))
        #expect(isClose(one.interval.upperBound, -other.interval.lowerBound))
    }
}
