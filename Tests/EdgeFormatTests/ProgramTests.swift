import EdgeFormat
import Testing

@Suite struct ProgramTests {
    private typealias Value = SampleContainer.Value
    private typealias Tensor = SampleContainer.Tensor

    private func refusal(_ change: (inout Program) -> Void) -> FormatError? {
        SampleContainer.refusal { change(&$0.directory.program) }
    }

    @Test func outputsAreFoundByTheirMeaning() {
        let program = SampleContainer.program
        #expect(program.output(.hiddenState) == Value.normalized)
        #expect(program.output(.logits) == Value.logits)
        #expect(program.output(.pooled) == nil)
    }

    @Test func sizesOfTheModelAreBounded() {
        #expect(
            refusal { $0.maximumTokens = 0 }
                == .overLimit(field: "maximum tokens", limit: 1 << 24, found: 0))
        #expect(
            refusal { $0.maximumTokens = 1 << 24 + 1 }
                == .overLimit(field: "maximum tokens", limit: 1 << 24, found: 1 << 24 + 1))
        #expect(
            refusal { $0.vocabularySize = 0 }
                == .overLimit(field: "vocabulary size", limit: 0x7fff_ffff, found: 0))
        #expect(
            refusal { $0.vocabularySize = 1 << 31 }
                == .overLimit(field: "vocabulary size", limit: 0x7fff_ffff, found: 1 << 31))
    }

    @Test func tablesAreBounded() {
        let fields: [(Int, StaticText, UInt64)] = [
            (12, "value count", 1 << 13), (16, "instruction count", 1 << 16),
            (20, "output count", 256),
        ]
        for (offset, field, limit) in fields {
            #expect(
                SampleContainer.refusal(in: .program) { $0.set(UInt32(limit + 1), at: offset) }
                    == .overLimit(field: field, limit: limit, found: limit + 1))
            let error = SampleContainer.refusal(in: .program) {
                $0.removeLast($0.count - 32)
                $0.set(UInt32(limit), at: offset)
            }
            guard case .truncated = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func paddingIsZero() {
        // Second value, first output, first instruction.
        for offset in [24 + 12 + 2, 24 + 120 + 1, 24 + 120 + 24 + 6] {
            let error = SampleContainer.refusal(in: .program) { $0[offset] = 1 }
            guard case .nonZeroPadding = error else {
                Issue.record("byte \(offset): \(String(describing: error))")
                continue
            }
        }
    }

    // MARK: - Values

    @Test func valuesAreOfAKnownKind() {
        #expect(
            SampleContainer.refusal(in: .program) { $0[24] = 2 }
                == .unknownCode(field: "value kind", code: 2))
        #expect(
            SampleContainer.refusal(in: .program) { $0[25] = 2 }
                == .unknownCode(field: "value rows kind", code: 2))
    }

    @Test func rowsAndColumnsAreBounded() {
        #expect(
            SampleContainer.refusal(in: .program) { $0[28] = 1 }
                == .wrongValue(field: "value rows", expected: 0, found: 1))
        for rows in [0, 1 << 24 + 1] {
            #expect(
                refusal { $0.values[Value.pooled].fixedRows = rows }
                    == .overLimit(field: "value rows", limit: 1 << 24, found: UInt64(rows)))
        }
        #expect(
            refusal { $0.values[0].columnCount = 1 << 24 + 1 }
                == .overLimit(field: "value columns", limit: 1 << 24, found: 1 << 24 + 1))
    }

    @Test func theElementsOfAllValuesAreBounded() {
        /// Products of no inputs, with as many outputs as given, for 2²⁴ tokens.
        func refusal(columns: [Int]) -> FormatError? {
            var container = SampleContainer(
                program: Program(
                    maximumTokens: 1 << 24, vocabularySize: 1, typeCount: 0,
                    values: ([0] + columns).map {
                        ProgramValue(kind: .floats, fixedRows: nil, columnCount: $0)
                    },
                    instructions: [
                        .embed(
                            output: 0, terms: [EmbedTerm(table: 0, index: .tokenIDs, offset: 0)])
                    ]
                        + columns.indices.map {
                            .linear(
                                input: 0, residual: nil, output: $0 + 1, weight: $0 + 1, bias: nil,
                                activation: .none)
                        },
                    outputs: []))
            container.append("table", .f32, [1, 0])
            for (index, count) in columns.enumerated() {
                container.append("weight.\(index)", .f32, [count, 0])
            }
            return EdgeFormatTests.refusal(of: container.bytes())
        }
        let limit: UInt64 = 1 << 48
        let field: StaticText = "elements of all values"
        #expect(refusal(columns: [1 << 24]) == nil)
        #expect(refusal(columns: [1 << 23, 1 << 22, 1 << 22]) == nil)
        #expect(
            refusal(columns: [1 << 23, 1 << 22, 1 << 22, 1])
                == .overLimit(field: field, limit: limit, found: limit + (1 << 24)))
        #expect(
            refusal(columns: [1 << 24, 1 << 24])
                == .overLimit(field: field, limit: limit, found: 2 * limit))
    }

    @Test func anySumOfElementsIsCounted() {
        let error = SampleContainer.refusal { container in
            container.directory.program.maximumTokens = 1 << 24
            container.directory.program.values = [ProgramValue](
                repeating: ProgramValue(kind: .floats, fixedRows: nil, columnCount: 1 << 24),
                count: 1 << 13)
        }
        #expect(
            error
                == .overLimit(field: "elements of all values", limit: 1 << 48, found: 1 << 61))
    }

    // MARK: - Outputs

    @Test func outputsAscendAndAreKnown() {
        #expect(
            refusal { $0.outputs.swapAt(0, 1) } == .notAscending(field: "output", index: 1))
        #expect(
            refusal { $0.outputs[1].code = .hiddenState }
                == .notAscending(field: "output", index: 1))
        #expect(
            SampleContainer.refusal(in: .program) { $0[24 + 120] = 5 }
                == .unknownCode(field: "output role", code: 5))
    }

    @Test func outputsAreFloatsThatExist() {
        #expect(
            refusal { $0.outputs[2].value = 10 }
                == .indexOutOfRange(field: "output value", index: 10, count: 10))
        #expect(
            refusal { $0.outputs[0].value = Value.codes }
                == .wrongValue(field: "kind of an output", expected: 0, found: 1))
    }

    // MARK: - Order

    @Test func aValueIsWrittenBeforeItIsRead() {
        #expect(
            refusal { $0.instructions.swapAt(0, 1) }
                == .readBeforeWritten(instruction: 0, value: Value.embedded))
        // The normalization reads its residual only after the sum that writes it.
        #expect(
            refusal {
                $0.instructions[4] = .layerNorm(
                    input: Value.attended, residual: Value.sum, output: Value.normalized,
                    gamma: Tensor.gamma, beta: nil, epsilon: 0)
            } == .readBeforeWritten(instruction: 4, value: Value.sum))
    }

    @Test func aValueThatNothingWritesIsNotRead() {
        #expect(
            refusal {
                $0.values.append($0.values[Value.sum])
                $0.instructions[5] = .add(
                    left: Value.normalized, right: 10, output: Value.sum)
            } == .readBeforeWritten(instruction: 5, value: 10))
        #expect(
            refusal { $0.instructions.remove(at: 2) }
                == .readBeforeWritten(instruction: 2, value: Value.projected))
    }

    @Test func anInstructionDoesNotReadWhatItWrites() {
        #expect(
            refusal {
                $0.instructions[5] = .add(
                    left: Value.normalized, right: Value.sum, output: Value.sum)
            } == .readBeforeWritten(instruction: 5, value: Value.sum))
        #expect(
            refusal {
                $0.instructions[5] = .add(
                    left: Value.normalized, right: Value.normalized, output: Value.normalized)
            }
                == .instruction(
                    index: 5, field: "writers of the output value", expected: 1, found: 2))
    }

    @Test func aValueIsWrittenOnce() {
        #expect(
            refusal { $0.instructions.append($0.instructions[9]) }
                == .instruction(
                    index: 10, field: "writers of the output value", expected: 1, found: 2))
    }

    @Test func everyValueIsWritten() {
        #expect(
            refusal { $0.values.append($0.values[0]) }
                == .wrongValue(field: "number of values with a writer", expected: 11, found: 10))
        // An output that nothing writes is one of them.
        #expect(
            refusal { $0.instructions.removeLast() }
                == .wrongValue(field: "number of values with a writer", expected: 10, found: 9))
    }
}
