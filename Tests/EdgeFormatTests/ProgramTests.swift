import EdgeFormat
import Testing

@Suite struct ProgramTests {
    private typealias Value = SampleContainer.Value

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
        #expect(
            refusal { $0.slotCount = 4097 }
                == .overLimit(field: "slot count", limit: 4096, found: 4097))
    }

    @Test func tablesAreBounded() {
        let fields: [(Int, StaticText, UInt64)] = [
            (16, "value count", 1 << 16), (20, "instruction count", 1 << 16),
            (24, "output count", 256),
        ]
        for (offset, field, limit) in fields {
            #expect(
                SampleContainer.refusal(in: .program) { $0.set(UInt32(limit + 1), at: offset) }
                    == .overLimit(field: field, limit: limit, found: limit + 1))
            let error = SampleContainer.refusal(in: .program) {
                $0.removeLast($0.count - 40)
                $0.set(UInt32(limit), at: offset)
            }
            guard case .truncated = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func paddingIsZero() {
        // Header, second value, first output, first instruction.
        for offset in [28, 32 + 16 + 2, 32 + 160 + 1, 32 + 160 + 24 + 6] {
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
            SampleContainer.refusal(in: .program) { $0[32] = 2 }
                == .unknownCode(field: "value kind", code: 2))
        #expect(
            SampleContainer.refusal(in: .program) { $0[33] = 2 }
                == .unknownCode(field: "value rows kind", code: 2))
    }

    @Test func rowsAndColumnsAreBounded() {
        #expect(
            SampleContainer.refusal(in: .program) { $0[36] = 1 }
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

    @Test func slotsExist() {
        #expect(
            refusal { $0.values[0].slot = 4 }
                == .indexOutOfRange(field: "value slot", index: 4, count: 4))
    }

    // MARK: - Outputs

    @Test func outputsAscendAndAreKnown() {
        #expect(
            refusal { $0.outputs.swapAt(0, 1) } == .notAscending(field: "output", index: 1))
        #expect(
            refusal { $0.outputs[1].code = .hiddenState }
                == .notAscending(field: "output", index: 1))
        #expect(
            SampleContainer.refusal(in: .program) { $0[32 + 160] = 4 }
                == .unknownCode(field: "output role", code: 4))
    }

    @Test func outputsAreFloatsThatExist() {
        #expect(
            refusal { $0.outputs[2].value = 10 }
                == .indexOutOfRange(field: "output value", index: 10, count: 10))
        // The codes live to the end in a slot of their own, so only their kind is wrong.
        #expect(
            refusal {
                $0.slotCount = 5
                $0.values[Value.codes].slot = 4
                $0.outputs[0].value = Value.codes
            } == .wrongValue(field: "kind of an output", expected: 0, found: 1))
    }

    // MARK: - Lifetimes

    @Test func aValueIsWrittenBeforeItIsRead() {
        guard
            case .instruction(0, "occupant of the slot of an input", _, _) = refusal({
                $0.instructions.swapAt(0, 1)
            })
        else {
            Issue.record("accepted")
            return
        }
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

    @Test func anInstructionDoesNotWriteWhereItReads() {
        // The normalization would write over its residual.
        #expect(
            refusal { $0.values[Value.normalized].slot = 0 }
                == .instruction(
                    index: 4, field: "value that occupies the slot of the output",
                    expected: UInt64(Value.normalized), found: UInt64(Value.embedded)))
        guard
            case .instruction(5, _, _, _) = refusal({
                $0.instructions[5] = .add(
                    left: Value.normalized, right: Value.normalized, output: Value.normalized)
            })
        else {
            Issue.record("an instruction wrote its own input")
            return
        }
    }

    @Test func valuesAliveTogetherDoNotShareASlot() {
        // The attention would write over the embeddings, which the normalization still needs.
        #expect(
            refusal { $0.values[Value.attended].slot = 0 }
                == .instruction(
                    index: 3, field: "value that occupies the slot of the output",
                    expected: UInt64(Value.attended), found: UInt64(Value.embedded)))
        // An output lives to the end.
        #expect(
            refusal { $0.values[Value.embedding].slot = 2 }
                == .instruction(
                    index: 9, field: "value that occupies the slot of the output",
                    expected: UInt64(Value.embedding), found: UInt64(Value.normalized)))
    }
}
