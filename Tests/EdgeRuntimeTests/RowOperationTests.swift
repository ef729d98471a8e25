import EdgeFormat
import EdgeRuntime
import Testing

@Suite struct RowOperationTests {
    private static let widths = [1, 2, 15, 16, 17, 33, 64, 100]

    @Test(arguments: widths)
    func layerNormalizationIsClose(columns: Int) throws {
        for variant in 0..<4 {
            var random = RandomNumbers(seed: UInt64(columns))
            var container = TestContainer()
            let input = container.input(random.floats(19 * columns, 4), columns: columns)
            let residual = container.input(random.floats(19 * columns, 2), columns: columns)
            let gamma = container.add(random.floats(columns), [columns])
            let beta = container.add(random.floats(columns), [columns])
            let output = container.sameShape(input) {
                .layerNorm(
                    input: input, residual: variant & 1 == 0 ? nil : residual, output: $0,
                    gamma: gamma, beta: variant & 2 == 0 ? nil : beta, epsilon: 1e-5)
            }
            // One column has no variance; what rounding leaves of it is divided by √epsilon.
            try container.expectReference(of: output, tolerance: columns < 3 ? 1e-3 : 1e-4)
        }
    }

    @Test func constantRowsAreNormalizedToBeta() throws {
        var container = TestContainer()
        let input = container.input([0, 0, 0, 0, 7, 7, 7, 7], columns: 4)
        let gamma = container.add([1, 2, 3, 4], [4])
        let beta = container.add([0.5, 0.25, 0, -1], [4])
        let output = container.sameShape(input) {
            .layerNorm(
                input: input, residual: nil, output: $0, gamma: gamma, beta: beta, epsilon: 1e-12)
        }
        try container.expectReference(of: output, tolerance: 0)
    }

    @Test(arguments: [PoolCode.firstRow, .mean, .maximum], widths)
    func poolingIsClose(pooling: PoolCode, columns: Int) throws {
        for rows in [1, 2, 77] {
            var random = RandomNumbers(seed: UInt64(rows))
            var container = TestContainer()
            let input = container.input(random.floats(rows * columns, 3), columns: columns)
            let output = container.pool(input, pooling)
            try container.expectReference(of: output, tolerance: pooling == .mean ? 1e-5 : 0)
        }
    }

    @Test func theMaximumOfNegativeNumbersIsNegative() throws {
        var container = TestContainer()
        let input = container.input([-1, -2, -3e38, -2, -1, -3.1e38], columns: 3)
        let output = container.pool(input, .maximum)
        container.setOutput(.pooled, output)
        #expect(try container.runEverywhere(.pooled).values == [-1, -1, -3e38])
    }

    @Test(arguments: widths)
    func rowsAreDividedByTheirLength(columns: Int) throws {
        var random = RandomNumbers(seed: UInt64(columns) + 40)
        var container = TestContainer()
        let zeros = [Float](repeating: 0, count: columns)
        let tiny = [Float](repeating: 1e-9, count: columns)
        let input = container.input(
            zeros + random.floats(6 * columns, 5) + tiny, columns: columns)
        let output = container.sameShape(input) {
            .normalizeL2(input: input, output: $0, epsilon: 1e-3)
        }
        try container.expectReference(of: output, tolerance: 1e-5)
    }

    @Test(arguments: [ActivationCode.none, .relu, .gelu, .geluTanh, .silu, .tanh, .sigmoid])
    func activationsAreClose(activation: ActivationCode) throws {
        var random = RandomNumbers(seed: 50)
        var container = TestContainer()
        let edges: [Float] = [0, -0.0, 1e-30, -1e-30, 20, -20, 80, -80]
        let input = container.input(random.floats(88, 9) + edges, columns: 12)
        let output = container.sameShape(input) {
            .activate(input: input, output: $0, activation: activation)
        }
        try container.expectReference(of: output, tolerance: 1e-6)
    }

    @Test func sumsRoundOnce() throws {
        var random = RandomNumbers(seed: 51)
        for columns in Self.widths {
            var container = TestContainer()
            let left = container.input(random.floats(5 * columns), columns: columns)
            let right = container.input(random.floats(5 * columns, 1e4), columns: columns)
            let sum = container.sameShape(left) { .add(left: left, right: right, output: $0) }
            let double = container.sameShape(sum) { .add(left: sum, right: sum, output: $0) }
            try container.expectReference(of: double, tolerance: 0)
        }
    }

    @Test func widthsMayBeZero() throws {
        var container = TestContainer()
        let input = container.input([], columns: 0, count: 4)
        let sum = container.sameShape(input) { .add(left: input, right: input, output: $0) }
        let active = container.sameShape(sum) {
            .activate(input: sum, output: $0, activation: .gelu)
        }
        let unit = container.sameShape(active) {
            .normalizeL2(input: active, output: $0, epsilon: 1e-12)
        }
        for pooling in [PoolCode.firstRow, .mean, .maximum] {
            var pooled = container
            let output = pooled.pool(unit, pooling)
            pooled.setOutput(.pooled, output)
            #expect(try pooled.runEverywhere(.pooled).values == [])
        }
    }
}
