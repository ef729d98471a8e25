import CEdgeKernels
import Testing

@Suite("linear_f32")
struct LinearF32Tests {
    struct Shape {
        var rowCount: Int
        var columnCount: Int
        var depth: Int
        var activation = EDGEK_ACTIVATION_NONE
        var hasBias = true
        var isInPlace = false
        var columns: Range<Int>?
    }

    /// The whole output buffer and the exact dot products plus bias.
    private func run(_ shape: Shape, _ kernels: Kernels) -> (y: [Float], exact: [Double]) {
        Arena.with(seed: shape.rowCount * 7 + shape.columnCount * 131 + shape.depth * 17) { arena in
            let (xStride, yStride) = (shape.depth + 1, shape.columnCount + 2)
            let x = arena.floats(shape.rowCount * xStride, range: 2)
            let weights = arena.floats(shape.columnCount * shape.depth)
            let bias = arena.floats(shape.columnCount)
            let y = arena.floats(shape.rowCount * yStride)
            var exact: [Double] = []
            for m in 0..<shape.rowCount {
                for n in 0..<shape.columnCount {
                    var sum = shape.hasBias ? Double(bias[n]) : 0
                    for k in 0..<shape.depth {
                        sum += Double(x[m * xStride + k]) * Double(weights[n * shape.depth + k])
                    }
                    exact.append(sum + (shape.isInPlace ? Double(y[m * yStride + n]) : 0))
                }
            }
            var task = edgek_linear_f32(
                x: x, x_stride: Int64(xStride), weights: weights, bias: shape.hasBias ? bias : nil,
                residual: shape.isInPlace ? y : nil, residual_stride: Int64(yStride), y: y,
                y_stride: Int64(yStride), row_count: Int64(shape.rowCount),
                column_count: Int64(shape.columnCount), depth: Int64(shape.depth),
                activation: shape.activation)
            let columns = shape.columns ?? 0..<shape.columnCount
            kernels.table.linear_f32(
                &task, 0, Int64(shape.rowCount), Int64(columns.lowerBound),
                Int64(columns.upperBound))
            return ((0..<shape.rowCount * yStride).map { y[$0] }, exact)
        }
    }

    @Test("agrees with sums in Double", arguments: Kernels.supported)
    func agreesWithDouble(kernels: Kernels) {
        let shape = Shape(rowCount: 4, columnCount: 21, depth: 131, isInPlace: true)
        let (y, exact) = run(shape, kernels)
        for (i, value) in exact.enumerated() {
            let (row, column) = i.quotientAndRemainder(dividingBy: shape.columnCount)
            #expect(abs(Double(y[row * (shape.columnCount + 2) + column]) - value) < 2e-5)
        }
    }

    @Test("sums products in the canonical order", arguments: Kernels.supported)
    func sumsInCanonicalOrder(kernels: Kernels) {
        var random = RandomSource(seed: 3)
        for depth in [0, 1, 15, 16, 17, 40, 257] {
            let x = (0..<depth).map { _ in random.unit() * 1000 }
            let w = (0..<depth).map { _ in random.unit() }
            var lanes = [Float](repeating: 0, count: 16)
            for k in 0..<depth {
                let product = x[k] * w[k]
                lanes[k % 16] = lanes[k % 16] + product
            }
            for half in [8, 4, 2, 1] {
                for i in 0..<half { lanes[i] = lanes[i] + lanes[i + half] }
            }
            var y: Float = 0
            var task = edgek_linear_f32()
            x.withUnsafeBufferPointer { x in
                w.withUnsafeBufferPointer { w in
                    withUnsafeMutablePointer(to: &y) { y in
                        task.x = x.baseAddress
                        task.weights = w.baseAddress
                        task.y = y
                        task.row_count = 1
                        task.column_count = 1
                        task.depth = Int64(depth)
                        kernels.table.linear_f32(&task, 0, 1, 0, 1)
                    }
                }
            }
            #expect(y.bitPattern == lanes[0].bitPattern, "depth \(depth)")
        }
    }

    @Test("returns the bits of the scalar table for every small size", arguments: Kernels.supported)
    func agreesForEverySize(kernels: Kernels) {
        for size in 0...65 {
            let shapes = [
                Shape(
                    rowCount: 1 + size % 5, columnCount: size, depth: size * 13 % 66,
                    activation: LinearS8Tests.activations[size % 7]),
                Shape(
                    rowCount: size % 6, columnCount: 1 + size % 9, depth: size, hasBias: false,
                    isInPlace: true),
                Shape(
                    rowCount: 2, columnCount: 150, depth: 9,
                    columns: 64..<64 + size),
            ]
            for shape in shapes {
                let expected = run(shape, .scalar).y.map(\.canonicalBits)
                #expect(run(shape, kernels).y.map(\.canonicalBits) == expected, "\(shape)")
            }
        }
    }
}
