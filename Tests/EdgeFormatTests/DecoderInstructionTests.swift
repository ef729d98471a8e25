import EdgeFormat
import Testing

/// Instructions that came with the feature `decoder`: their coding and the rules of their operands.
@Suite struct DecoderInstructionTests {
    private typealias Value = SampleContainer.Value
    private typealias Tensor = SampleContainer.Tensor

    /// The error with the sixth instruction, a sum of values with 8 columns, replaced; the feature
    /// is listed.
    private func refusal(
        _ instruction: Instruction, _ change: (inout Program) -> Void = { _ in }
    ) -> FormatError? {
        SampleContainer.refusal {
            $0.directory.features.insert(Feature.decoder.bytes, at: 0)
            $0.directory.program.instructions[5] = instruction
            change(&$0.directory.program)
        }
    }

    private func expect(
        _ error: FormatError?, _ field: StaticText,
        _ location: SourceLocation = #_sourceLocation
    ) {
        guard case .instruction(5, field, _, _) = error else {
            Issue.record("\(String(describing: error))", sourceLocation: location)
            return
        }
    }

    private func rotate(headSize: Int, angles: Int = Value.attended) -> Instruction {
        .rotate(
            input: Value.embedded, angles: angles, output: Value.sum, headSize: headSize,
            pairing: .adjacent)
    }

    @Test func everyInstructionIsReadAsItIsWritten() throws {
        let instructions: [Instruction] = [
            .rmsNorm(
                input: Value.embedded, output: Value.sum, gamma: Tensor.gamma, epsilon: 1e-6),
            rotate(headSize: 8),
            .multiply(left: Value.embedded, right: Value.attended, output: Value.sum),
            .scale(input: Value.embedded, output: Value.sum, factor: 1.5),
        ]
        for instruction in instructions {
            #expect(refusal(instruction) == nil, "\(instruction)")
            var container = SampleContainer()
            container.directory.features.insert(Feature.decoder.bytes, at: 0)
            container.directory.program.instructions[5] = instruction
            #expect(try read(container).program.instructions[5] == instruction)
        }
    }

    @Test func theFeatureMustBeListed() {
        let error = SampleContainer.refusal {
            $0.directory.program.instructions[5] = .scale(
                input: Value.embedded, output: Value.sum, factor: 2)
        }
        #expect(error == .missingFeature(name: Feature.decoder))
    }

    @Test func attentionKeepsWindowCapAndSlopes() throws {
        var container = SampleContainer()
        container.directory.features.insert(Feature.decoder.bytes, at: 0)
        guard
            case .attention(let query, let key, let value, let output, var shape) =
                container.directory.program.instructions[3]
        else {
            Issue.record("the fourth instruction is an attention")
            return
        }
        shape.isCausal = true
        shape.window = 3
        shape.scoreCap = 30
        let instruction = Instruction.attention(
            query: query, key: key, value: value, output: output, shape: shape)
        container.directory.program.instructions[3] = instruction
        #expect(try read(container).program.instructions[3] == instruction)

        func refusal(_ change: (inout AttentionShape) -> Void) -> FormatError? {
            var changed = shape
            change(&changed)
            return SampleContainer.refusal {
                $0.directory.features.insert(Feature.decoder.bytes, at: 0)
                $0.directory.program.instructions[3] = .attention(
                    query: query, key: key, value: value, output: output, shape: changed)
            }
        }
        for (error, field) in [
            (refusal { $0.isCausal = false }, "mask of a window"),
            (refusal { $0.scoreCap = -1 }, "cap of scores (bits)"),
            (refusal { $0.scoreCap = .infinity }, "cap of scores (bits)"),
            (refusal { $0.slopes = Tensor.nothing }, "rank of a vector"),
        ] as [(FormatError?, StaticText)] {
            guard case .instruction(3, field, _, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        guard case .overLimit("window of attention", _, _) = refusal({ $0.window = 1 << 25 })
        else {
            Issue.record("a window beyond the limit")
            return
        }
    }

    @Test func headsAndGroupsDivideTheColumns() {
        expect(refusal(rotate(headSize: 3)), "size of a turned head")
        expect(refusal(rotate(headSize: 0)), "size of a turned head")
        guard case .overLimit("columns of angles", 4, 8) = refusal(rotate(headSize: 4)) else {
            Issue.record("more angles than a head has columns")
            return
        }
        expect(
            refusal(
                .rmsNorm(
                    input: Value.embedded, output: Value.sum, gamma: Tensor.tokenScales,
                    epsilon: 1)), "elements of gamma")
        expect(
            refusal(
                .rmsNorm(
                    input: Value.embedded, output: Value.sum, gamma: Tensor.gamma,
                    epsilon: -.infinity)), "epsilon (bits)")
    }

    @Test func factorsAreFiniteAndShapesAgree() {
        for factor in [Float.nan, .infinity] {
            expect(
                refusal(.scale(input: Value.embedded, output: Value.sum, factor: factor)),
                "factor (bits)")
        }
        expect(
            refusal(.multiply(left: Value.codes, right: Value.embedded, output: Value.sum)),
            "kind of a value")
        expect(
            refusal(.multiply(left: Value.attended, right: Value.embedded, output: Value.sum)) {
                $0.values[Value.sum].columnCount = 7
            }, "columns of a value")
        // A value of codes is no angle.
        expect(refusal(rotate(headSize: 8, angles: Value.codes)), "kind of a value")
        expect(
            refusal(
                .angles(output: Value.sum, frequencies: Tensor.gamma, factor: 1)),
            "columns of angles, a pair for each frequency")
    }

    private func read(_ container: SampleContainer) throws -> ContainerDirectory {
        let bytes = container.bytes()
        return try bytes.withUnsafeBytes { bytes in
            try ContainerDirectory(parsing: bytes, header: ContainerHeader(parsing: bytes))
        }
    }
}
