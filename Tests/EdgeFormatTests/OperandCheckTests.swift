import EdgeFormat
import Testing

/// The rules for the operands of each instruction.
@Suite struct OperandCheckTests {
    private typealias Value = SampleContainer.Value
    private typealias Tensor = SampleContainer.Tensor

    private func refusal(_ change: (inout Program) -> Void) -> FormatError? {
        SampleContainer.refusal { change(&$0.directory.program) }
    }

    private func expect(
        _ error: FormatError?, _ index: Int, _ field: StaticText,
        _ location: SourceLocation = #_sourceLocation
    ) {
        guard case .instruction(index, field, _, _) = error else {
            Issue.record("\(String(describing: error))", sourceLocation: location)
            return
        }
    }

    // MARK: - Embed

    private func refusal(_ term: EmbedTerm, _ change: (inout Program) -> Void = { _ in })
        -> FormatError?
    {
        refusal {
            $0.instructions[0] = .embed(output: Value.embedded, terms: [term])
            change(&$0)
        }
    }

    @Test func tablesHaveARowForEveryIndex() {
        expect(
            refusal(EmbedTerm(table: Tensor.tokens, index: .tokenIDs, offset: 1)), 0,
            "rows of a table")
        expect(
            refusal(EmbedTerm(table: Tensor.tokens, index: .tokenIDs, offset: 0)) {
                $0.vocabularySize = 6
            }, 0, "rows of a table")
        expect(
            refusal(EmbedTerm(table: Tensor.positions, index: .positions, offset: 3)), 0,
            "rows of a table")
        #expect(refusal(EmbedTerm(table: Tensor.positions, index: .positions, offset: 2)) == nil)
        expect(
            refusal(EmbedTerm(table: Tensor.types, index: .typeIDs, offset: 1)), 0,
            "rows of a table")
        expect(
            refusal(EmbedTerm(table: Tensor.types, index: .typeIDs, offset: 0xffff_fffe)), 0,
            "rows of a table")
    }

    @Test func aModelWithoutTypesStillReadsTypeZero() {
        let term = EmbedTerm(table: Tensor.types, index: .typeIDs, offset: 2)
        expect(refusal(term) { $0.typeCount = 0 }, 0, "rows of a table")
    }

    /// The bytes of the tokenizer stand for kept tokens here.
    @Test func keptTokensHaveOneBitEach() {
        let count = SampleContainer().directory.tensors[Tensor.tokenizer].elementCount
        func refusal(
            _ kept: Int = Tensor.tokenizer, row: Int = 4, vocabularySize: Int
        ) -> FormatError? {
            let term = EmbedTerm(
                table: Tensor.tokens, index: .keptTokens, offset: row, keptTokens: kept)
            return listed(term) { $0.vocabularySize = vocabularySize }
        }
        func listed(
            _ term: EmbedTerm, _ change: (inout Program) -> Void = { _ in }
        ) -> FormatError? {
            SampleContainer.refusal {
                $0.directory.features.append(Feature.keptTokens.bytes)
                $0.directory.program.instructions[0] = .embed(
                    output: Value.embedded, terms: [term])
                change(&$0.directory.program)
            }
        }
        for size in [8 * count - 7, 8 * count] {
            #expect(refusal(vocabularySize: size) == nil)
        }
        for size in [8 * count - 8, 8 * count + 1, .init(Int32.max)] {
            expect(refusal(vocabularySize: size), 0, "bytes of kept tokens")
        }
        expect(refusal(row: 5, vocabularySize: 8 * count), 0, "rows of a table")
        expect(refusal(row: 0xffff_ffff, vocabularySize: 8 * count), 0, "rows of a table")
        expect(
            refusal(Tensor.beta, vocabularySize: 8 * count), 0, "element type of kept tokens")
        expect(
            refusal(Tensor.tokens, vocabularySize: 8 * count), 0, "element type of kept tokens")
        let missing = EmbedTerm(table: Tensor.tokens, index: .keptTokens, offset: 0)
        expect(listed(missing), 0, "operand count")
        let wrong = EmbedTerm(
            table: Tensor.tokens, index: .keptTokens, offset: 0, keptTokens: 13)
        #expect(
            listed(wrong)
                == .indexOutOfRange(field: "tensor of an instruction", index: 13, count: 13))
        let right = EmbedTerm(
            table: Tensor.tokens, index: .keptTokens, offset: 0, keptTokens: Tensor.tokenizer)
        #expect(
            self.refusal(right) { $0.vocabularySize = 8 * count }
                == .missingFeature(name: Feature.keptTokens))
    }

    @Test func tablesAreMatricesOfNumbers() {
        expect(
            refusal(EmbedTerm(table: Tensor.beta, index: .typeIDs, offset: 0)), 0,
            "rank of a table")
        expect(
            refusal(EmbedTerm(table: Tensor.nothing, index: .typeIDs, offset: 0)), 0,
            "columns of a table")
        // Bytes without scales are no numbers.
        let error = SampleContainer.refusal { container in
            container.directory.tensors[Tensor.tokens].scheme = .none
            container.directory.tensors[Tensor.tokens].scales = nil
        }
        expect(error, 0, "quantization scheme")
    }

    @Test func anEmbeddingHasOneRowForEachToken() {
        expect(refusal { $0.values[Value.embedded].fixedRows = 3 }, 0, "rows of an embedding")
        expect(refusal { $0.values[Value.embedded].kind = .codes }, 0, "kind of a value")
    }

    // MARK: - Linear

    private func linear(
        input: Int = Value.codes, residual: Int? = nil, weight: Int = Tensor.weight,
        bias: Int? = Tensor.bias
    ) -> FormatError? {
        refusal {
            $0.instructions[2] = .linear(
                input: input, residual: residual, output: Value.projected, weight: weight,
                bias: bias, activation: .gelu)
        }
    }

    @Test func codesMeetCodesAndFloatsMeetFloats() {
        #expect(linear() == nil)
        expect(linear(input: Value.embedded), 2, "kind of the input")
        expect(linear(weight: Tensor.types), 2, "kind of the input")
        expect(refusal { $0.values[Value.projected].kind = .codes }, 2, "kind of a value")
    }

    @Test func aProductHasTheShapeOfItsWeight() {
        expect(linear(weight: Tensor.tokens), 2, "columns of the output")
        expect(linear(weight: Tensor.bias), 2, "rank of a weight")
        expect(refusal { $0.values[Value.pooled].columnCount = 9 }, 7, "columns of a pooled value")
        expect(refusal { $0.values[Value.logits].columnCount = 3 }, 8, "columns of the output")
        expect(refusal { $0.values[Value.logits].fixedRows = 2 }, 8, "rows of a value")
        expect(refusal { $0.values[Value.codes].columnCount = 9 }, 1, "columns of a value")
    }

    @Test func aBiasHasOneFloatForEachOutput() {
        #expect(linear(bias: nil) == nil)
        expect(linear(bias: Tensor.tokenizer), 2, "element type of a vector")
        expect(linear(bias: Tensor.types), 2, "rank of a vector")
        expect(linear(bias: Tensor.tokenScales), 2, "elements of a vector")
    }

    @Test func aResidualHasTheShapeOfTheOutput() {
        #expect(linear(residual: Value.embedded) == nil)
        expect(linear(residual: Value.codes), 2, "kind of a value")
    }

    @Test func theDepthOfAProductFitsItsAccumulators() {
        func refusal(depth: Int) -> FormatError? {
            var container = SampleContainer(
                program: Program(
                    maximumTokens: 1, vocabularySize: 1, typeCount: 0,
                    values: [
                        ProgramValue(kind: .floats, fixedRows: nil, columnCount: depth),
                        ProgramValue(kind: .floats, fixedRows: nil, columnCount: 0),
                    ],
                    instructions: [
                        .embed(
                            output: 0, terms: [EmbedTerm(table: 0, index: .tokenIDs, offset: 0)]),
                        .linear(
                            input: 0, residual: nil, output: 1, weight: 1, bias: nil,
                            activation: .none),
                    ], outputs: []))
            container.append("table", .f16, [1, depth])
            container.append("weight", .f32, [0, depth])
            return EdgeFormatTests.refusal(of: container.bytes())
        }
        #expect(refusal(depth: 65_536) == nil)
        #expect(
            refusal(depth: 65_537)
                == .overLimit(field: "columns of a weight", limit: 65_536, found: 65_537))
    }

    // MARK: - Attention

    private func attention(_ change: (inout AttentionShape) -> Void) -> FormatError? {
        var shape = SampleContainer.attention
        change(&shape)
        return refusal {
            $0.instructions[3] = .attention(
                query: Value.projected, key: Value.projected, value: Value.projected,
                output: Value.attended, shape: shape)
        }
    }

    @Test func headsFillTheColumns() {
        #expect(
            attention {
                $0.headCount = 4; $0.keyValueHeadCount = 4; $0.headSize = 2; $0.valueSize = 2
            } == nil)
        expect(attention { $0.headSize = 5 }, 3, "columns of the query")
        expect(attention { $0.keyValueHeadCount = 1 }, 3, "columns of the key")
        expect(attention { $0.valueSize = 5 }, 3, "columns of the value")
        expect(
            refusal { $0.values[Value.attended].columnCount = 9 }, 3, "columns of the output")
        expect(
            attention {
                $0.headCount = 0; $0.keyValueHeadCount = 0
            }, 3, "columns of the query")
    }

    @Test func headsDivideEvenly() {
        for (heads, keys) in [(2, 0), (2, 3), (3, 2), (0, 1)] {
            expect(
                attention {
                    $0.headCount = heads; $0.keyValueHeadCount = keys
                }, 3,
                "key and value heads")
        }
    }

    @Test func sizesOfAttentionAreBounded() {
        let field: StaticText = "size of attention"
        #expect(
            attention { $0.headCount = 65_537 }
                == .overLimit(field: field, limit: 65_536, found: 65_537))
        #expect(
            attention { $0.headSize = 4097 } == .overLimit(field: field, limit: 4096, found: 4097))
        #expect(
            attention { $0.valueSize = 0xffff_ffff }
                == .overLimit(field: field, limit: 4096, found: 0xffff_ffff))
    }

    @Test func theScaleIsFinite() {
        for scale in [Float.nan, .infinity, -.infinity] {
            expect(attention { $0.scale = scale }, 3, "attention scale (bits)")
        }
    }

    @Test func queriesAndOutputsHaveTheSameRows() {
        expect(refusal { $0.values[Value.attended].fixedRows = 1 }, 3, "rows of a value")
    }

    // MARK: - Rows

    @Test func aNormalizationKeepsTheShape() {
        func normalize(
            residual: Int? = Value.embedded, gamma: Int = Tensor.gamma, beta: Int? = Tensor.beta,
            epsilon: Float = 1e-5
        ) -> FormatError? {
            refusal {
                $0.instructions[4] = .layerNorm(
                    input: Value.attended, residual: residual, output: Value.normalized,
                    gamma: gamma, beta: beta, epsilon: epsilon)
            }
        }
        #expect(normalize(residual: nil, beta: nil, epsilon: 0) == nil)
        expect(normalize(gamma: Tensor.tokenScales), 4, "elements of a vector")
        expect(normalize(beta: Tensor.positions), 4, "element type of a vector")
        for epsilon in [-1, Float.nan, .infinity] {
            expect(normalize(epsilon: epsilon), 4, "epsilon (bits)")
        }
        expect(refusal { $0.values[Value.normalized].columnCount = 9 }, 4, "columns of a value")
    }

    @Test func elementwiseInstructionsKeepTheShape() {
        expect(refusal { $0.values[Value.sum].columnCount = 9 }, 5, "columns of a value")
        expect(refusal { $0.values[Value.sum].fixedRows = 9 }, 5, "rows of a value")
        expect(refusal { $0.values[Value.activated].columnCount = 9 }, 6, "columns of a value")
        expect(refusal { $0.values[Value.activated].kind = .codes }, 6, "kind of a value")
        expect(
            refusal {
                $0.instructions[5] = .add(
                    left: Value.attended, right: Value.codes, output: Value.sum)
            }, 5, "kind of a value")
    }

    @Test func poolingMakesOneRow() {
        expect(refusal { $0.values[Value.pooled].fixedRows = 2 }, 7, "rows of a pooled value")
        expect(refusal { $0.values[Value.pooled].fixedRows = nil }, 7, "rows of a pooled value")
        expect(refusal { $0.values[Value.pooled].kind = .codes }, 7, "kind of a value")
    }

    @Test func unitVectorsKeepTheShape() {
        expect(refusal { $0.values[Value.embedding].columnCount = 9 }, 9, "columns of a value")
        expect(
            refusal {
                $0.instructions[9] = .normalizeL2(
                    input: Value.pooled, output: Value.embedding, epsilon: -1)
            }, 9, "epsilon (bits)")
    }

    @Test func quantizingMakesCodesOfFloats() {
        func quantize(_ input: Int, _ multipliers: Int?) -> FormatError? {
            refusal {
                $0.instructions[1] = .quantize(
                    input: input, output: Value.codes, multipliers: multipliers, range: nil)
            }
        }
        #expect(quantize(Value.embedded, nil) == nil)
        expect(quantize(Value.embedded, Tensor.types), 1, "rank of a vector")
        expect(refusal { $0.values[Value.codes].kind = .floats }, 1, "kind of the output")
        expect(refusal { $0.values[Value.codes].fixedRows = 1 }, 1, "rows of a value")
        expect(refusal { $0.values[Value.embedded].kind = .codes }, 0, "kind of a value")
    }

    @Test func rangesHoldZeroAndAreNeitherEmptyNorInfinite() {
        func range(_ low: Float, _ high: Float, isListed: Bool = true) -> FormatError? {
            SampleContainer.refusal {
                $0.directory.program.instructions[1] = .quantize(
                    input: Value.embedded, output: Value.codes, multipliers: nil,
                    range: CodeRange(low: low, high: high))
                if isListed { $0.directory.features.append(Feature.staticRanges.bytes) }
            }
        }
        let allowed: [(Float, Float)] = [(-1, 1), (0, 3e38), (-0.0, 1), (-1, 0), (0, 0x1p-100)]
        for (low, high) in allowed { #expect(range(low, high) == nil) }
        for low in [Float.nan, -.infinity, .infinity, 0.1, .leastNonzeroMagnitude] {
            expect(range(low, 1), 1, "lower end of a range (bits)")
        }
        for high in [Float.nan, -.infinity, .infinity, -0.1] {
            expect(range(-1, high), 1, "upper end of a range (bits)")
        }
        let unusable: [(Float, Float)] = [(0, 0), (-3e38, 3e38), (0, 0x1p-101)]
        for (low, high) in unusable {
            expect(range(low, high), 1, "width of a range (bits)")
        }
        #expect(range(-1, 1, isListed: false) == .missingFeature(name: Feature.staticRanges))
    }
}
