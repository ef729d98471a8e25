/// What an output of the program means.
///
/// The numbers are part of the format.
package enum OutputCode: UInt8, Sendable, CaseIterable {
    /// Last hidden state, `[tokens, hidden]`.
    case hiddenState = 0
    /// Sentence embedding, `[1, size]`.
    case embedding = 1
    /// One score per label, `[1, labels]`, or of a decoder per token of the vocabulary,
    /// `[tokens, vocabulary]`.
    case logits = 2
    /// Pooled vector, `[1, hidden]`.
    case pooled = 3
    /// The scores of what follows the last token, `[1, vocabulary]`.
    case nextLogits = 4
}

/// An output of the program.
package struct ProgramOutput: Equatable, Sendable {
    static let byteCount = 8

    package var code: OutputCode
    package var value: Int

    package init(code: OutputCode, value: Int) {
        self.code = code
        self.value = value
    }
}

/// The lowered model: values, instructions in execution order, outputs.
package struct Program: Equatable, Sendable {
    package var maximumTokens: Int
    package var vocabularySize: Int
    /// Number of token types; 0 if the model reads none.
    package var typeCount: Int
    package var values: [ProgramValue]
    package var instructions: [Instruction]
    package var outputs: [ProgramOutput]

    package init(
        maximumTokens: Int, vocabularySize: Int, typeCount: Int, values: [ProgramValue],
        instructions: [Instruction], outputs: [ProgramOutput]
    ) {
        self.maximumTokens = maximumTokens
        self.vocabularySize = vocabularySize
        self.typeCount = typeCount
        self.values = values
        self.instructions = instructions
        self.outputs = outputs
    }

    package func output(_ code: OutputCode) -> Int? {
        for output in outputs where output.code == code { return output.value }
        return nil
    }

    init(parsing reader: inout ByteReader, tensorCount: Int) throws(FormatError) {
        maximumTokens = try reader.number("maximum tokens")
        guard maximumTokens >= 1, maximumTokens <= ContainerLimits.maximumTokens else {
            throw .overLimit(
                field: "maximum tokens", limit: UInt64(ContainerLimits.maximumTokens),
                found: UInt64(maximumTokens))
        }
        vocabularySize = try reader.number("vocabulary size")
        guard vocabularySize >= 1, vocabularySize <= Int(Int32.max) else {
            throw .overLimit(
                field: "vocabulary size", limit: UInt64(Int32.max), found: UInt64(vocabularySize))
        }
        typeCount = try reader.number("type count")
        let valueCount = try reader.count(
            "value count", entryBytes: ProgramValue.byteCount, limit: ContainerLimits.values)
        let instructionCount = try reader.count(
            "instruction count", entryBytes: 8, limit: ContainerLimits.instructions)
        let outputCount = try reader.count(
            "output count", entryBytes: ProgramOutput.byteCount, limit: 256)
        values = []
        for _ in 0..<valueCount {
            values.append(try ProgramValue(parsing: &reader))
        }
        outputs = []
        for index in 0..<outputCount {
            let code = try reader.u8("output role")
            guard let role = OutputCode(rawValue: code) else {
                throw .unknownCode(field: "output role", code: UInt64(code))
            }
            if let last = outputs.last, last.code.rawValue >= code {
                throw .notAscending(field: "output", index: index)
            }
            try reader.zeros(3, "output padding")
            let value = try reader.u32("output value")
            guard value < valueCount else {
                throw .indexOutOfRange(
                    field: "output value", index: UInt64(value), count: valueCount)
            }
            outputs.append(ProgramOutput(code: role, value: Int(value)))
        }
        instructions = []
        for index in 0..<instructionCount {
            let tables = OperandTables(
                index: index, valueCount: valueCount, tensorCount: tensorCount)
            instructions.append(try Instruction(parsing: &reader, tables: tables))
        }
    }

    func encode(into writer: inout ByteWriter) {
        for number in [
            maximumTokens, vocabularySize, typeCount, values.count, instructions.count,
            outputs.count,
        ] {
            writer.u32(UInt32(number))
        }
        for value in values { value.encode(into: &writer) }
        for output in outputs {
            writer.u8(output.code.rawValue)
            writer.zeros(3)
            writer.u32(UInt32(output.value))
        }
        for instruction in instructions { instruction.encode(into: &writer) }
    }
}
