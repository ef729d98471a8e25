import Foundation
import Testing

@testable import ModelCompression

@Suite struct StepAllocationTests {
    private typealias Matrix = StepAllocation.Matrix

    private static let matrices = [
        Matrix(weightCount: 1000, loss: 0.2), Matrix(weightCount: 4000, loss: 0.1),
        Matrix(weightCount: 250, loss: 0.4), Matrix(weightCount: 16, loss: 0.005),
    ]

    /// Σ c · s².
    private func loss(_ matrices: [Matrix], _ steps: [Double]) -> Double {
        zip(matrices, steps).reduce(0) { $0 + $1.0.loss * $1.1 * $1.1 }
    }

    /// Σ n · log₂ s: minus the bits.
    private func octaves(_ matrices: [Matrix], _ steps: [Double]) -> Double {
        zip(matrices, steps).reduce(0) { $0 + Double($1.0.weightCount) * log2($1.1) }
    }

    @Test func everyWeightLosesTheSameAndTheBitsStay() {
        let steps = StepAllocation.steps(Self.matrices, mean: 0.2, reach: 1e6)
        let uniform = Self.matrices.map { _ in 0.2 }
        #expect(abs(octaves(Self.matrices, steps) - octaves(Self.matrices, uniform)) < 1e-6)
        let densities = zip(Self.matrices, steps).map {
            $0.loss * $1 * $1 / Double($0.weightCount)
        }
        for density in densities { #expect(abs(density / densities[0] - 1) < 1e-9) }
        #expect(loss(Self.matrices, steps) < loss(Self.matrices, uniform))
    }

    @Test("No exchange of bits between two matrices lessens the loss")
    func exchangesDoNotHelp() {
        let steps = StepAllocation.steps(Self.matrices, mean: 0.2, reach: 1e6)
        let least = loss(Self.matrices, steps)
        for first in steps.indices {
            for second in steps.indices where second != first {
                var other = steps
                let bits = 0.01 * Double(Self.matrices[first].weightCount)
                other[first] *= exp2(0.01)
                other[second] *= exp2(-bits / Double(Self.matrices[second].weightCount))
                #expect(loss(Self.matrices, other) > least)
            }
        }
    }

    @Test(arguments: [1.1, 1.5, 2.5])
    func stepsStayWithinReachWithTheSameBits(reach: Double) {
        let steps = StepAllocation.steps(Self.matrices, mean: 0.3, reach: reach)
        for step in steps {
            #expect(step >= 0.3 / reach - 1e-9 && step <= 0.3 * reach + 1e-9)
        }
        let uniform = Self.matrices.map { _ in 0.3 }
        #expect(abs(octaves(Self.matrices, steps) - octaves(Self.matrices, uniform)) < 1e-6)
        // A matrix that can do with a larger step has one.
        #expect(steps[1] > 0.3 && steps[2] < 0.3)
    }

    @Test func matricesThatAreAlikeGetTheMean() {
        let alike = [Matrix(weightCount: 10, loss: 0.1), Matrix(weightCount: 30, loss: 0.3)]
        for step in StepAllocation.steps(alike, mean: 0.25, reach: 2) {
            #expect(abs(step - 0.25) < 1e-9)
        }
    }

    @Test("Losses that are zero, nothing to divide and empty matrices are no trouble")
    func edges() {
        #expect(StepAllocation.steps([], mean: 0.2, reach: 2).isEmpty)
        let silent = [Matrix(weightCount: 10, loss: 0), Matrix(weightCount: 10, loss: 0)]
        for step in StepAllocation.steps(silent, mean: 0.2, reach: 2) {
            #expect(abs(step - 0.2) < 1e-9)
        }
        let mixed = [
            Matrix(weightCount: 10, loss: 0), Matrix(weightCount: 10, loss: 1e-3),
            Matrix(weightCount: 0, loss: 0),
        ]
        let steps = StepAllocation.steps(mixed, mean: 0.2, reach: 2)
        #expect(steps.allSatisfy { $0.isFinite && $0 >= 0.1 - 1e-9 && $0 <= 0.4 + 1e-9 })
        #expect(steps[0] > steps[1])
        let empty = [Matrix(weightCount: 0, loss: 0)]
        #expect(StepAllocation.steps(empty, mean: 0.2, reach: 2) == [0.2])
    }
}
