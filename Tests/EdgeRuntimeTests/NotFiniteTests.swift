import EdgeFormat
import EdgeRuntime
import Testing

/// Numbers that are not finite are errors that name the instruction, never results.
@Suite struct NotFiniteTests {
    private static let values: [Float] = [.nan, .infinity, -.infinity]

    private func expectNotFinite(
        _ container: TestContainer, _ code: OutputCode = .hiddenState, instruction: Int, row: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for set in InstructionSet.all where set.isSupported {
            for threads in TestContainer.threadCounts {
                let session = try container.session(set, threads: threads)
                #expect(
                    throws: RuntimeError.notFinite(instruction: instruction, row: row),
                    sourceLocation: sourceLocation
                ) {
                    try session.run(tokenIDs: container.rowIDs, typeIDs: [], outputs: [code])
                }
            }
        }
    }

    /// An input of 90 rows with bad numbers in two of them.
    private func input(
        _ value: Float, rows: (Int, Int) = (37, 80), columns: Int = 20,
        in container: inout TestContainer
    ) -> Int {
        var random = RandomNumbers(seed: 60)
        var numbers = random.floats(90 * columns)
        numbers[rows.0 * columns + 13] = value
        numbers[rows.1 * columns + 2] = value
        return container.input(numbers, columns: columns)
    }

    @Test(arguments: values, [nil, CodeRange(low: -1, high: 1)])
    func quantizationNamesTheFirstRow(value: Float, range: CodeRange?) throws {
        var container = TestContainer()
        var random = RandomNumbers(seed: 61)
        let codes = container.quantize(input(value, in: &container), range: range)
        let weight = container.addCodes(3, 20, &random)
        let output = container.linear(codes, weight: weight)
        container.setOutput(.hiddenState, output)
        try expectNotFinite(container, instruction: 1, row: 37)
    }

    @Test func aKnownRangeHoldsWhatOverflowsIts() throws {
        var container = TestContainer()
        var random = RandomNumbers(seed: 65)
        let input = container.input([1, 2, 3e38, -3e38, 1, 2], columns: 2)
        let codes = container.quantize(input, range: CodeRange(low: -2, high: 1))
        let output = container.linear(codes, weight: container.addCodes(3, 2, &random))
        try container.expectReference(of: output, tolerance: 0)
    }

    @Test func aRangeThatOverflowsIsNamed() throws {
        var container = TestContainer()
        var random = RandomNumbers(seed: 62)
        let input = container.input([1, 2, 3e38, -3e38, 1, 2], columns: 2)
        let codes = container.quantize(input)
        let output = container.linear(codes, weight: container.addCodes(3, 2, &random))
        container.setOutput(.hiddenState, output)
        try expectNotFinite(container, instruction: 1, row: 1)
    }

    @Test func multipliersMayNotMakeNumbersInfinite() throws {
        for multiplier in [Float.infinity, .nan, 3e38] {
            var container = TestContainer()
            var random = RandomNumbers(seed: 63)
            let input = container.input([0, 1, 0, 9, 0, 9], columns: 2)
            let multipliers = container.add([1, multiplier], [2])
            let codes = container.quantize(input, multipliers: multipliers)
            let output = container.linear(codes, weight: container.addCodes(3, 2, &random))
            container.setOutput(.hiddenState, output)
            try expectNotFinite(container, instruction: 1, row: multiplier == 3e38 ? 1 : 0)
        }
    }

    @Test(arguments: values, [0, 1, 2])
    func attentionOverCodesNamesTheFirstRow(value: Float, operand: Int) throws {
        var container = TestContainer()
        var random = RandomNumbers(seed: 64)
        let bad = input(value, in: &container)
        let good = container.input(random.floats(90 * 20), columns: 20)
        let output = container.attention(
            operand == 0 ? bad : good, operand == 1 ? bad : good, operand == 2 ? bad : good,
            AttentionShape(
                headCount: 2, keyValueHeadCount: 2, headSize: 10, valueSize: 10, scale: 0.3,
                isCausal: false, arithmetic: .int8))
        container.setOutput(.hiddenState, output)
        try expectNotFinite(container, instruction: 2, row: 37)
    }

    // MARK: - Outputs

    @Test(arguments: values)
    func numbersOfTablesReachNoOutput(value: Float) throws {
        var container = TestContainer()
        let output = input(value, in: &container)
        container.setOutput(.hiddenState, output)
        try expectNotFinite(container, instruction: 0, row: 37)
    }

    @Test(arguments: values)
    func weightsReachNoOutput(value: Float) throws {
        for isBias in [false, true] {
            var container = TestContainer()
            let input = container.input([1, 1, 2, 3], columns: 2)
            let weight = container.add([1, isBias ? 2 : value], [1, 2])
            let bias = container.add([isBias ? value : 1], [1])
            let output = container.linear(input, weight: weight, bias: bias)
            container.setOutput(.logits, container.pool(output, .firstRow))
            container.setOutput(.hiddenState, output)
            try expectNotFinite(container, .logits, instruction: 2, row: 0)
            try expectNotFinite(container, instruction: 1, row: 0)
        }
    }

    @Test func scalesThatOverflowReachNoOutput() throws {
        var container = TestContainer()
        let input = container.input([1000, 1000, 2000, 3000], columns: 2)
        let weight = container.add(codes: [1, 2], scales: [3e38], [1, 2])
        let output = container.linear(container.quantize(input), weight: weight)
        container.setOutput(.logits, output)
        try expectNotFinite(container, .logits, instruction: 2, row: 0)
    }

    @Test func sumsThatOverflowReachNoOutput() throws {
        var container = TestContainer()
        let input = container.input([1, 2, 3e38, 3e38], columns: 2)
        let weight = container.add([1, 1], [1, 2])
        let output = container.linear(input, weight: weight)
        container.setOutput(.hiddenState, output)
        try expectNotFinite(container, instruction: 1, row: 1)
    }

    @Test func aSessionWorksAfterAnErrorLikeThat() throws {
        var container = TestContainer()
        let input = container.input([1, 2, .nan, 4], columns: 2)
        let output = container.sameShape(input) {
            .activate(input: input, output: $0, activation: .relu)
        }
        container.setOutput(.hiddenState, output)
        let session = try container.session()
        for _ in 0..<3 {
            #expect(throws: RuntimeError.notFinite(instruction: 1, row: 1)) {
                try session.run(tokenIDs: [0, 1], typeIDs: [], outputs: [.hiddenState])
            }
            #expect(
                try session.run(tokenIDs: [0], typeIDs: [], outputs: [.hiddenState])[0].values
                    == [1, 2])
        }
    }
}
