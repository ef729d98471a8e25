import CEdgeKernels
import Testing

@Suite("Rows")
struct RowTests {
    struct Norm {
        var rowCount: Int
        var columnCount: Int
        var hasBeta = true
        var hasResidual = false
        var isInPlace = false
    }

    private func layerNorm(_ norm: Norm, _ kernels: Kernels) -> (y: [Float], exact: [Double]) {
        Arena.with(seed: norm.rowCount + norm.columnCount * 5) { arena in
            let stride = norm.columnCount + 3
            let x = arena.floats(norm.rowCount * stride, range: 4)
            let residual = arena.floats(norm.rowCount * stride, range: 2)
            let gamma = arena.floats(norm.columnCount)
            let beta = arena.floats(norm.columnCount)
            let y = norm.isInPlace ? x : arena.floats(norm.rowCount * stride)
            var exact: [Double] = []
            for row in 0..<norm.rowCount {
                let t = (0..<norm.columnCount).map { j in
                    Double(x[row * stride + j])
                        + (norm.hasResidual ? Double(residual[row * stride + j]) : 0)
                }
                let mean = t.reduce(0, +) / Double(t.count)
                let variance = t.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(t.count)
                for (j, value) in t.enumerated() {
                    let normal = (value - mean) / (variance + 1e-5).squareRoot()
                    exact.append(normal * Double(gamma[j]) + (norm.hasBeta ? Double(beta[j]) : 0))
                }
            }
            kernels.table.layer_norm(
                x, Int64(stride), norm.hasResidual ? residual : nil, Int64(stride),
                Int64(norm.rowCount), Int64(norm.columnCount), gamma, norm.hasBeta ? beta : nil,
                1e-5, y, Int64(stride))
            return ((0..<norm.rowCount * stride).map { y[$0] }, exact)
        }
    }

    @Test("layer norm agrees with Double", arguments: Kernels.supported)
    func layerNormAgreesWithDouble(kernels: Kernels) {
        for norm in [
            Norm(rowCount: 3, columnCount: 50, hasResidual: true),
            Norm(rowCount: 1, columnCount: 384, hasBeta: false, isInPlace: true),
        ] {
            let (y, exact) = layerNorm(norm, kernels)
            for (i, value) in exact.enumerated() {
                let (row, column) = i.quotientAndRemainder(dividingBy: norm.columnCount)
                #expect(abs(Double(y[row * (norm.columnCount + 3) + column]) - value) < 3e-6)
            }
        }
    }

    @Test("layer norm has the bits of the scalar table", arguments: Kernels.supported)
    func layerNormAgreesWithScalar(kernels: Kernels) {
        for size in 0...66 {
            for variant in 0..<4 {
                let norm = Norm(
                    rowCount: 1 + size % 3, columnCount: size, hasBeta: variant != 1,
                    hasResidual: variant > 1, isInPlace: variant == 3)
                let expected = layerNorm(norm, .scalar).y.map(\.canonicalBits)
                #expect(layerNorm(norm, kernels).y.map(\.canonicalBits) == expected, "\(norm)")
            }
        }
    }

    private func rmsNorm(
        rows: Int, groups: Int, size: Int, isInPlace: Bool, _ kernels: Kernels
    ) -> (y: [Float], exact: [Double]) {
        Arena.with(seed: rows + groups * 7 + size * 5) { arena in
            let columns = groups * size
            let stride = columns + 2
            let x = arena.floats(rows * stride, range: 4)
            let gamma = arena.floats(size)
            let y = isInPlace ? x : arena.floats(rows * stride)
            var exact: [Double] = []
            for row in 0..<rows {
                for group in 0..<groups {
                    let t = (0..<size).map { Double(x[row * stride + group * size + $0]) }
                    let mean = t.reduce(0) { $0 + $1 * $1 } / Double(size)
                    for (j, value) in t.enumerated() {
                        exact.append(value / (mean + 1e-5).squareRoot() * Double(gamma[j]))
                    }
                }
            }
            kernels.table.rms_norm(
                x, Int64(stride), Int64(rows), Int64(columns), Int64(size), gamma, 1e-5, y,
                Int64(stride))
            return ((0..<rows * stride).map { y[$0] }, exact)
        }
    }

    @Test("RMS norm agrees with Double and the scalar table", arguments: Kernels.supported)
    func rmsNormAgrees(kernels: Kernels) {
        for size in 1...66 {
            let (rows, groups, isInPlace) = (1 + size % 3, 1 + size % 4, size % 2 == 0)
            let (y, exact) = rmsNorm(
                rows: rows, groups: groups, size: size, isInPlace: isInPlace, kernels)
            let scalar = rmsNorm(
                rows: rows, groups: groups, size: size, isInPlace: isInPlace, .scalar)
            #expect(y.map(\.canonicalBits) == scalar.y.map(\.canonicalBits))
            let columns = groups * size
            for (i, value) in exact.enumerated() {
                let (row, column) = i.quotientAndRemainder(dividingBy: columns)
                #expect(abs(Double(y[row * (columns + 2) + column]) - value) < 3e-6)
            }
        }
    }

    private struct Rotation {
        var rows: Int
        var heads: Int
        var size: Int
        var angles: Int
        var isAdjacent: Bool
        var isInPlace: Bool
    }

    private func rotate(_ rotation: Rotation, _ kernels: Kernels) -> (y: [Float], exact: [Double]) {
        Arena.with(seed: rotation.size + rotation.rows * 3) { arena in
            let columns = rotation.heads * rotation.size
            let stride = columns + 1
            let count = rotation.angles
            let x = arena.floats(rotation.rows * stride, range: 4)
            let angles = arena.floats(rotation.rows * 2 * count)
            let y = rotation.isInPlace ? x : arena.floats(rotation.rows * stride)
            var exact: [Double] = []
            for row in 0..<rotation.rows {
                for head in 0..<rotation.heads {
                    let source = (0..<rotation.size).map {
                        Double(x[row * stride + head * rotation.size + $0])
                    }
                    var turned = source
                    for i in 0..<count {
                        let cosine = Double(angles[row * 2 * count + i])
                        let sine = Double(angles[(row * 2 + 1) * count + i])
                        let a = rotation.isAdjacent ? 2 * i : i
                        let b = rotation.isAdjacent ? 2 * i + 1 : i + count
                        turned[a] = source[a] * cosine - source[b] * sine
                        turned[b] = source[b] * cosine + source[a] * sine
                    }
                    exact += turned
                }
            }
            kernels.table.rotate(
                x, Int64(stride), Int64(rotation.rows), Int64(rotation.heads),
                Int64(rotation.size), angles, Int64(count), rotation.isAdjacent ? 1 : 0, y,
                Int64(stride))
            return ((0..<rotation.rows * stride).map { y[$0] }, exact)
        }
    }

    @Test("rotation agrees with Double and the scalar table", arguments: Kernels.supported)
    func rotationAgrees(kernels: Kernels) {
        for size in 1...66 {
            let rotation = Rotation(
                rows: 1 + size % 3, heads: size % 4, size: size,
                angles: size % 5 == 0 ? size / 4 : size / 2, isAdjacent: size % 3 == 0,
                isInPlace: size % 2 == 0)
            let (y, exact) = rotate(rotation, kernels)
            let scalar = rotate(rotation, .scalar).y
            #expect(y.map(\.canonicalBits) == scalar.map(\.canonicalBits))
            let columns = rotation.heads * size
            for (i, value) in exact.enumerated() {
                let (row, column) = i.quotientAndRemainder(dividingBy: columns)
                #expect(abs(Double(y[row * (columns + 1) + column]) - value) < 2e-6)
            }
        }
    }

    private func softmax(_ x: [Float], _ kernels: Kernels) -> [Float] {
        Arena.with(seed: 1) { arena in
            let y = arena.copy(x)
            kernels.table.softmax(y, Int64(x.count), y)
            return (0..<x.count).map { y[$0] }
        }
    }

    @Test("softmax agrees with Double and with the scalar table", arguments: Kernels.supported)
    func softmaxAgrees(kernels: Kernels) {
        var random = RandomSource(seed: 8)
        for count in 0...66 {
            let x = (0..<count).map { _ in random.unit() * 20 }
            let y = softmax(x, kernels)
            #expect(y.map(\.canonicalBits) == softmax(x, .scalar).map(\.canonicalBits))
            // The difference is a float operation of its own.
            let largest = x.max() ?? 0
            let total = x.reduce(0.0) { $0 + exponential(Double($1 - largest)) }
            for (value, result) in zip(x, y) {
                let exact = exponential(Double(value - largest)) / total
                #expect(abs(Double(result) - exact) <= 4e-7 * exact)
            }
        }
    }

    @Test("softmax of masked, large and undefined scores", arguments: Kernels.supported)
    func softmaxOfUnusualScores(kernels: Kernels) {
        #expect(softmax([-.infinity, 0, -.infinity, 0], kernels) == [0, 0.5, 0, 0.5])
        #expect(softmax([3e38, -3e38], kernels) == [1, 0])
        #expect(softmax([0, .nan, 1], kernels).allSatisfy { $0.isNaN })
        #expect(softmax([-.infinity, -.infinity], kernels).allSatisfy { $0.isNaN })
    }

    private func pool(_ rows: Int, _ columns: Int, _ kernels: Kernels) -> (
        x: [[Float]], mean: [Float], maximum: [Float]
    ) {
        Arena.with(seed: rows * 3 + columns) { arena in
            let stride = columns + 2
            let x = arena.floats(rows * stride, range: 7)
            let mean = arena.floats(columns)
            let maximum = arena.floats(columns)
            let (rowCount, columnCount) = (Int64(rows), Int64(columns))
            kernels.table.mean_rows(x, Int64(stride), rowCount, columnCount, mean)
            kernels.table.max_rows(x, Int64(stride), rowCount, columnCount, maximum)
            return (
                (0..<rows).map { row in (0..<columns).map { x[row * stride + $0] } },
                (0..<columns).map { mean[$0] }, (0..<columns).map { maximum[$0] }
            )
        }
    }

    @Test("pooling sums in row order and takes maxima", arguments: Kernels.supported)
    func poolingAgrees(kernels: Kernels) {
        for columns in 0...66 {
            let rows = 1 + columns % 9
            let (x, mean, maximum) = pool(rows, columns, kernels)
            for c in 0..<columns {
                let sum = x.reduce(Float(0)) { $0 + $1[c] }
                #expect(mean[c] == sum / Float(rows))
                #expect(maximum[c] == x.map { $0[c] }.max())
            }
        }
        let empty = pool(0, 3, kernels)
        #expect(empty.mean == [0, 0, 0])
        #expect(empty.maximum.allSatisfy { $0 == -.infinity })
    }

    private func normalize(_ x: [Float], epsilon: Float, _ kernels: Kernels) -> [Float] {
        Arena.with(seed: 1) { arena in
            let y = arena.copy(x)
            kernels.table.normalize_l2(y, Int64(x.count), epsilon, y)
            return (0..<x.count).map { y[$0] }
        }
    }

    @Test("normalisation gives unit vectors", arguments: Kernels.supported)
    func normalisationAgrees(kernels: Kernels) {
        var random = RandomSource(seed: 4)
        for count in 0...66 {
            let x = (0..<count).map { _ in random.unit() * 9 }
            let y = normalize(x, epsilon: 1e-12, kernels)
            let scalar = normalize(x, epsilon: 1e-12, .scalar)
            #expect(y.map(\.canonicalBits) == scalar.map(\.canonicalBits))
            let norm = x.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            for (value, result) in zip(x, y) {
                #expect(abs(Double(result) - Double(value) / norm) < 1e-6)
            }
        }
        #expect(normalize([3, 4], epsilon: 1e-12, kernels) == [0.6, 0.8])
        #expect(normalize([3, 4], epsilon: 10, kernels) == [0.3, 0.4])
        #expect(normalize([0, 0], epsilon: 1e-12, kernels) == [0, 0])
    }
}
