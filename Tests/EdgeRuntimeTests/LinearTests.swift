import EdgeFormat
import EdgeRuntime
import Testing

@Suite struct LinearTests {
    /// Rows, inputs, outputs; on both sides of the widths of the kernels.
    private static let shapes = [
        (1, 1, 1), (1, 16, 64), (3, 17, 5), (5, 64, 65), (7, 63, 64), (9, 130, 129), (33, 48, 200),
        (2, 300, 3),
    ]

    private struct Case {
        var container = TestContainer()
        var random: RandomNumbers
        let input: Int
        let outputs: Int
        let depth: Int

        init(_ index: Int, scale: Float = 3) {
            let (rows, depth, outputs) = LinearTests.shapes[index]
            self.depth = depth
            self.outputs = outputs
            random = RandomNumbers(seed: UInt64(index) + 1)
            input = container.input(random.floats(rows * depth, scale), columns: depth)
        }
    }

    @Test(arguments: shapes.indices)
    func productsOfCodesAreExact(index: Int) throws {
        for variant in 0..<16 {
            var test = Case(index)
            let weight = test.container.addCodes(
                test.outputs, test.depth, &test.random, rowsPerChunk: variant & 1 == 0 ? nil : 64)
            var multipliers: Int?
            if variant & 2 != 0 {
                let numbers = test.random.floats(test.depth).map { abs($0) + 0.25 }
                multipliers = test.container.add(numbers, [test.depth])
            }
            var bias: Int?
            if variant & 4 != 0 {
                bias = test.container.add(test.random.floats(test.outputs), [test.outputs])
            }
            let codes = test.container.quantize(
                test.input, multipliers: multipliers,
                range: variant & 8 == 0 ? nil : CodeRange(low: -0.4, high: 0.7))
            let output = test.container.linear(
                codes, weight: weight, bias: bias, activation: variant & 1 == 0 ? .none : .relu)
            try test.container.expectReference(of: output, tolerance: 0)
        }
    }

    @Test func productsOfCodesAreExactWithResidual() throws {
        var test = Case(5)
        let rows = test.container.program.maximumTokens
        let residual = test.container.input(
            test.random.floats(rows * test.outputs, 50), columns: test.outputs)
        let weight = test.container.addCodes(test.outputs, test.depth, &test.random)
        let bias = test.container.add(test.random.floats(test.outputs), [test.outputs])
        let codes = test.container.quantize(test.input)
        let output = test.container.linear(
            codes, weight: weight, bias: bias, residual: residual, activation: .relu)
        try test.container.expectReference(of: output, tolerance: 0)
    }

    @Test(arguments: [ActivationCode.gelu, .geluTanh, .silu, .tanh, .sigmoid])
    func activationsFollowTheProduct(activation: ActivationCode) throws {
        var test = Case(4)
        let rows = test.container.program.maximumTokens
        let residual = test.container.input(
            test.random.floats(rows * test.outputs), columns: test.outputs)
        let codes = test.container.quantize(test.input)
        let quantized = test.container.addCodes(test.outputs, test.depth, &test.random)
        let plain = test.container.add(
            test.random.floats(test.outputs * test.depth), [test.outputs, test.depth])
        // Behind a product of codes GELU is coarse.
        let ofCodes = activation == .gelu ? 5e-5 : 2e-5
        for (input, weight, tolerance) in [
            (codes, quantized, ofCodes), (test.input, plain, 2e-5),
        ] {
            let output = test.container.linear(
                input, weight: weight, residual: residual, activation: activation)
            try test.container.expectReference(of: output, tolerance: tolerance)
        }
    }

    @Test func extremeRowsAreQuantizedByTheRule() throws {
        let rows: [[Float]] = [
            [0, 0, 0, 0], [5, 5, 5, 5], [-5, -5, -5, -5], [1e-31, -1e-31, 0, 1e-31],
            [1e-30, -1e-30, 0, 3e-31], [1e30, 1, -1, 0], [127.5, 0, -127.5, 0.5],
            [255, 0.5, 1.5, 2.5],
            [-255, -0.5, -1.5, -2.5], [0, 0, 0, .leastNonzeroMagnitude],
            [.leastNormalMagnitude, 0, 0, 0],
            [1.5e38, -1.5e38, 1e37, 0], [-0.0, 0, -0.0, 0], [1, -2, 3, -4],
        ]
        var container = TestContainer()
        let input = container.input(rows.flatMap { $0 }, columns: 4)
        let codes = container.quantize(input)
        let weight = container.add(
            codes: [127, -127, 1, 0, 1, 2, 3, 4, 0, 0, 0, 0], scales: [1e-3, 0.5, 0], [3, 4])
        let output = container.linear(codes, weight: weight)
        try container.expectReference(of: output, tolerance: 0)
    }

    @Test func theLargestSumsOfCodesFit() throws {
        let depth = 65_536
        var container = TestContainer()
        // All at the ends of the range: codes 255 and zero point 0, then codes 0 and 255.
        let input = container.input(
            [Float](repeating: 1, count: depth) + [Float](repeating: -1, count: depth),
            columns: depth)
        let codes = container.quantize(input)
        let weight = container.add(
            codes: [Int8](repeating: 127, count: depth) + [Int8](repeating: -127, count: depth),
            scales: [1, 1], [2, depth])
        let output = container.linear(codes, weight: weight)
        try container.expectReference(of: output, tolerance: 0)
    }

    @Test(arguments: shapes.indices, [StoredType.f32, .f16, .bf16])
    func productsOfFloatsAreClose(index: Int, type: StoredType) throws {
        for variant in 0..<4 {
            var test = Case(index, scale: 1)
            let rows = test.container.program.maximumTokens
            let weight = test.container.add(
                test.random.floats(test.outputs * test.depth), [test.outputs, test.depth],
                as: type, rowsPerChunk: variant & 1 == 0 ? nil : 2,
                storing: variant & 2 == 0 ? .raw : .zstd)
            let bias = test.container.add(test.random.floats(test.outputs), [test.outputs])
            let residual = test.container.input(
                test.random.floats(rows * test.outputs), columns: test.outputs)
            let output = test.container.linear(
                test.input, weight: weight, bias: variant & 1 == 0 ? nil : bias,
                residual: variant & 2 == 0 ? nil : residual)
            try test.container.expectReference(of: output, tolerance: 3e-5)
        }
    }

    @Test func productsMayHaveNoInputsOrNoOutputs() throws {
        for isQuantized in [false, true] {
            for (depth, outputs) in [(0, 5), (6, 0), (0, 0)] {
                var container = TestContainer()
                var random = RandomNumbers(seed: 8)
                var input = container.input(random.floats(3 * depth), columns: depth, count: 3)
                if isQuantized { input = container.quantize(input) }
                let weight =
                    isQuantized
                    ? container.addCodes(outputs, depth, &random)
                    : container.add(random.floats(outputs * depth), [outputs, depth])
                let bias = container.add(random.floats(outputs), [outputs])
                let output = container.linear(input, weight: weight, bias: bias)
                try container.expectReference(of: output, tolerance: 0)
            }
        }
    }
}
