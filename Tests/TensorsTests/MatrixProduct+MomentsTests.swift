import Tensors
import Testing

@Suite struct MatrixProductMomentsTests {
    /// Small integers, whose sums are exact in float32 whatever their order.
    private func integers(_ count: Int, seed: Int) -> [Float] {
        (0..<count).map { Float(($0 * 31 + seed * 17) % 15 - 7) }
    }

    @Test(
        "Moments are those of the loop, also over more rows than a block",
        arguments: [0, 1, 5, 2048, 2049, 5000])
    func momentsAreThoseOfTheLoop(rows: Int) {
        let size = 3
        let values = integers(rows * size, seed: 1)
        var matrix = SymmetricMatrix(size: size, values: [1, 2, 3, 2, 4, 5, 3, 5, 6])
        var expected = matrix.values
        for row in 0..<rows {
            for i in 0..<size {
                for j in 0..<size {
                    expected[i * size + j] += Double(
                        values[row * size + i] * values[row * size + j])
                }
            }
        }
        values.withUnsafeBufferPointer { MatrixProduct.addMoments(ofRows: $0, to: &matrix) }
        #expect(matrix.values == expected)
    }

    @Test(arguments: [0, 1, 7, 2050])
    func crossMomentsAreThoseOfTheLoop(rows: Int) {
        let (outputs, inputs) = (4, 3)
        let y = integers(rows * outputs, seed: 2)
        let x = integers(rows * inputs, seed: 3)
        var product = [Double](repeating: 0.5, count: outputs * inputs)
        var expected = product
        for row in 0..<rows {
            for i in 0..<outputs {
                for j in 0..<inputs {
                    expected[i * inputs + j] += Double(y[row * outputs + i] * x[row * inputs + j])
                }
            }
        }
        y.withUnsafeBufferPointer { y in
            x.withUnsafeBufferPointer { x in
                MatrixProduct.addCrossMoments(
                    outputs: y, outputCount: outputs, inputs: x, inputCount: inputs, to: &product)
            }
        }
        #expect(product == expected)
    }

    @Test func productsOfDoublesAreThoseOfTheLoop() {
        let a: [Double] = [1, 2, 3, 4, 5, 6]
        let b: [Double] = [7, 8, 9, 10, 11, 12]
        #expect(
            MatrixProduct.multiply(a, b, rows: 2, columns: 2, depth: 3) == [58, 64, 139, 154])
        #expect(
            MatrixProduct.multiply(a, b, transposed: true, rows: 2, columns: 2, depth: 3)
                == [50, 68, 122, 167])
        #expect(MatrixProduct.multiply([], [], rows: 2, columns: 1, depth: 0) == [0, 0])
        #expect(MatrixProduct.multiply([], b, rows: 0, columns: 2, depth: 3).isEmpty)
    }
}
