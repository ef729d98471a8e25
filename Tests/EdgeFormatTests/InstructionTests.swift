import EdgeFormat
import Testing

@Suite struct InstructionTests {
    private typealias Value = SampleContainer.Value
    private typealias Tensor = SampleContainer.Tensor

    /// The error after a change of one instruction.
    private func refusal(_ index: Int, _ instruction: Instruction) -> FormatError? {
        SampleContainer.refusal { $0.directory.program.instructions[index] = instruction }
    }

    /// Byte offset of each instruction in the section.
    private static let offsets: [Int] = {
        var offset = 24 + 10 * 12 + 3 * 8
        return SampleContainer.program.instructions.map { instruction in
            defer { offset += size(of: instruction) }
            return offset
        }
    }()

    private static func size(of instruction: Instruction) -> Int {
        let words =
            switch instruction {
            case .embed(_, let terms): 1 + 3 * terms.count
            case .linear, .layerNorm: 6
            case .attention: 11
            case .activate, .pool, .normalizeL2, .add, .quantize, .angles, .multiply, .scale: 3
            case .rmsNorm: 4
            case .rotate: 5
            }
        return 8 + 4 * words
    }

    /// The error after a change of one word behind the head of an instruction.
    private func refusal(_ index: Int, word: Int, _ value: UInt32) -> FormatError? {
        SampleContainer.refusal(in: .program) {
            $0.set(value, at: Self.offsets[index] + 8 + 4 * word)
        }
    }

    @Test func theInstructionsFillTheSection() throws {
        let payload = SampleContainer.sections(of: SampleContainer().directory.encoded())
            .first { $0.tag == SectionTag.program.rawValue }?.payload
        let last = try #require(SampleContainer.program.instructions.last)
        #expect(payload?.count == (Self.offsets.last ?? 0) + Self.size(of: last))
    }

    @Test func everyInstructionNamesItsOpcodeAndOperands() {
        let instructions = SampleContainer.program.instructions
        #expect(
            instructions.map(\.opcode) == [
                .embed, .quantize, .linear, .attention, .layerNorm, .add, .activate, .pool,
                .linear, .normalizeL2,
            ])
        #expect(instructions[4].inputs == [Value.attended, Value.embedded])
        #expect(
            Instruction.linear(
                input: 3, residual: 5, output: 7, weight: 0, bias: nil, activation: .none
            ).inputs == [3, 5])
    }

    @Test func opcodesAreKnown() {
        for code in [0, 15, 255] as [UInt8] {
            #expect(
                SampleContainer.refusal(in: .program) { $0[Self.offsets[0]] = code }
                    == .unknownCode(field: "opcode", code: UInt64(code)))
        }
    }

    @Test func operandCountsAreThoseOfTheOpcode() {
        // Every instruction with one operand of every kind too many, and with one too few.
        for (index, offset) in Self.offsets.enumerated() {
            for field in 0..<4 {
                for change in [1, 255] as [UInt8] {
                    let error = SampleContainer.refusal(in: .program) {
                        $0[offset + 2 + field] &+= change
                    }
                    switch error {
                    case .instruction(index, "operand count", _, _), .overLimit, .truncated:
                        break
                    // An attention may have a tensor, of slopes: then its attributes are elsewhere.
                    case .unknownCode(field: "attention arithmetic", _)
                    where index == 3 && field == 2:
                        break
                    default:
                        Issue.record(
                            "instruction \(index), field \(field): \(String(describing: error))")
                    }
                }
            }
        }
        #expect(
            refusal(0, .embed(output: 0, terms: []))
                == .overLimit(field: "tables of an embedding", limit: 8, found: 0))
        let term = EmbedTerm(table: Tensor.tokens, index: .tokenIDs, offset: 0)
        #expect(
            refusal(0, .embed(output: 0, terms: Array(repeating: term, count: 9)))
                == .overLimit(field: "tables of an embedding", limit: 8, found: 9))
    }

    @Test func operandsExist() {
        for index in [10, 0xffff_fffe, 0xffff_ffff] as [UInt32] {
            #expect(
                refusal(6, word: 0, index)
                    == .indexOutOfRange(
                        field: "value of an instruction", index: UInt64(index), count: 10))
            #expect(
                refusal(6, word: 1, index)
                    == .indexOutOfRange(
                        field: "value of an instruction", index: UInt64(index), count: 10))
        }
        for index in [13, 0xffff_ffff] as [UInt32] {
            #expect(
                refusal(4, word: 3, index)
                    == .indexOutOfRange(
                        field: "tensor of an instruction", index: UInt64(index), count: 13))
        }
        // Optional operands may be absent, not wrong.
        #expect(refusal(4, word: 4, 0xffff_ffff) == nil)
        #expect(
            refusal(4, word: 4, 0xffff_fffe)
                == .indexOutOfRange(
                    field: "tensor of an instruction", index: 0xffff_fffe, count: 13))
        #expect(refusal(4, word: 1, 0xffff_ffff) == nil)
    }

    @Test func attributesAreKnown() {
        let cases: [(Int, Int, UInt32, StaticText)] = [
            (0, 4, 4, "embedding index"), (2, 5, 7, "activation"),
            (3, 10, 2, "attention arithmetic"), (3, 9, 2, "attention mask"),
            (6, 2, 7, "activation"), (7, 2, 4, "pooling"),
        ]
        for (index, word, code, field) in cases {
            #expect(
                refusal(index, word: word, code) == .unknownCode(field: field, code: UInt64(code)))
        }
    }
}
