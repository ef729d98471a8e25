import Foundation
import Tensors
import Testing

@Suite struct TensorTests {
    @Test func valuesMustFillTheShape() {
        #expect(throws: TensorError.elementCountMismatch(shape: [2, 3], found: 5)) {
            try Tensor(checking: [2, 3], values: [1, 2, 3, 4, 5])
        }
        #expect(throws: TensorError.elementCountMismatch(shape: [-1], found: 0)) {
            try Tensor(checking: [-1], values: [])
        }
    }

    @Test func elementCountsThatDoNotFitAreNil() {
        #expect(Tensor.elementCount(of: []) == 1)
        #expect(Tensor.elementCount(of: [3, 0]) == 0)
        #expect(Tensor.elementCount(of: [1 << 40, 1 << 40]) == nil)
        #expect(Tensor.elementCount(of: [1 << 40, 1 << 40, 0]) == nil)
        #expect(Tensor.elementCount(of: [-2, -2]) == nil)
    }

    @Test func rowsAndColumnsSeeTheTensorAsAMatrix() {
        let tensor = Tensor(zeros: [2, 3, 4])
        #expect(tensor.rowCount == 6 && tensor.columnCount == 4)
        let scalar = Tensor(shape: [], values: [1])
        #expect(scalar.rowCount == 1 && scalar.columnCount == 1)
    }

    @Test func extremesLeaveNaNAside() {
        let tensor = Tensor(shape: [4], values: [.nan, -3, 2, -.infinity])
        #expect(tensor.minimum == -.infinity)
        #expect(tensor.maximum == 2)
        #expect(tensor.absoluteMaximum == .infinity)
        #expect(tensor.nonFiniteCount == 2)
        #expect(Tensor(shape: [1], values: [.nan]).minimum == nil)
        #expect(Tensor(shape: [1], values: [.nan]).maximum == nil)
        #expect(Tensor(shape: [1], values: [.infinity]).minimum == .infinity)
        #expect(Tensor(zeros: [0]).absoluteMaximum == 0)
    }

    @Test func meanSquareAndSignalToNoiseFollowTheirFormulas() {
        let signal = Tensor(shape: [2], values: [3, -4])
        #expect(signal.meanSquare == 12.5)
        #expect(Tensor(zeros: [0]).meanSquare == 0)
        let near = Tensor(shape: [2], values: [3, -3.5])
        #expect(abs(signal.signalToNoiseRatio(ofApproximation: near) - 20) < 1e-12)
        #expect(signal.signalToNoiseRatio(ofApproximation: signal) == .infinity)
    }

    @Test func cosineSimilarityIsThatOfTheAngle() {
        #expect(Tensor.cosineSimilarity([1, 0], [0, 2]) == 0)
        #expect(Tensor.cosineSimilarity([1, 2], [2, 4]) > 0.999_999)
        #expect(Tensor.cosineSimilarity([1, 2], [-1, -2]) < -0.999_999)
        #expect(Tensor.cosineSimilarity([0, 0], [1, 1]) == 0)
        #expect(abs(Tensor.cosineSimilarity([1, 0], [1, 1]) - 0.5.squareRoot()) < 1e-12)
    }
}
