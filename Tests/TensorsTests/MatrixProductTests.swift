import Tensors
import Testing

@Suite struct MatrixProductTests {
    @Test(arguments: [(1, 1, 1), (3, 5, 7), (4, 16, 33), (2, 0, 3), (2, 3, 0), (0, 2, 2)])
    func linearEqualsTheTripleLoop(rows: Int, outputs: Int, depth: Int) throws {
        let input = sample([rows, depth], seed: 1)
        let weight = sample([outputs, depth], seed: 2)
        let bias = sample([outputs], seed: 3)
        let found = try MatrixProduct.linear(input, weight: weight, bias: bias)
        #expect(found.shape == [rows, outputs])
        for row in 0..<rows {
            for column in 0..<outputs {
                var expected = bias.values[column]
                for index in 0..<depth {
                    expected +=
                        input.values[row * depth + index] * weight.values[column * depth + index]
                }
                #expect(abs(found.values[row * outputs + column] - expected) < 1e-5)
            }
        }
    }

    @Test func stridedProductsLeaveTheirSurroundingsAlone() {
        // Two rows of a matrix of width 3, columns 1...2, times a 2 by 2 matrix.
        let a: [Float] = [9, 1, 2, 9, 3, 4]
        let b: [Float] = [1, 10, 100, 1000]
        var c = [Float](repeating: 7, count: 6)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                c.withUnsafeMutableBufferPointer { c in
                    MatrixProduct.multiply(
                        .init(a.baseAddress! + 1, stride: 3), .init(b.baseAddress!, stride: 2),
                        transposed: false, into: c.baseAddress!, stride: 3, rows: 2, columns: 2,
                        depth: 2, alpha: 2)
                }
            }
        }
        #expect(c == [402, 4020, 7, 806, 8060, 7])
    }

    @Test func shapesThatDoNotFitAreRefused() {
        let input = Tensor(zeros: [2, 3])
        #expect(throws: TensorError.productShapeMismatch(input: [2, 3], weight: [4, 2])) {
            try MatrixProduct.linear(input, weight: Tensor(zeros: [4, 2]))
        }
        #expect(throws: TensorError.biasShapeMismatch(expected: 4, found: [3])) {
            try MatrixProduct.linear(
                input, weight: Tensor(zeros: [4, 3]), bias: Tensor(zeros: [3]))
        }
        let long = Tensor(zeros: [0, 1 << 32])
        #expect(throws: TensorError.dimensionTooLarge(1 << 32)) {
            try MatrixProduct.linear(long, weight: Tensor(zeros: [0, 1 << 32]))
        }
    }

    private func sample(_ shape: [Int], seed: Int) -> Tensor {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { Float(($0 * 37 + seed * 11) % 19 - 9) / 8 }
        return Tensor(shape: shape, values: values)
    }
}
