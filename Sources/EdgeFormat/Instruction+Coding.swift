/// An instruction as it lies in the file: an opcode and four lists of 32-bit words.
private struct InstructionRecord {
    static let none: UInt32 = 0xffff_ffff

    var inputs: [UInt32] = []
    var outputs: [UInt32] = []
    var tensors: [UInt32] = []
    var attributes: [UInt32] = []

    init() {}

    init(parsing reader: inout ByteReader) throws(FormatError) {
        let counts = [
            Int(try reader.u8("input count")), Int(try reader.u8("output count")),
            Int(try reader.u8("tensor count")), Int(try reader.u8("attribute count")),
        ]
        try reader.zeros(2, "instruction padding")
        inputs = try Self.words(counts[0], &reader)
        outputs = try Self.words(counts[1], &reader)
        tensors = try Self.words(counts[2], &reader)
        attributes = try Self.words(counts[3], &reader)
    }

    private static func words(
        _ count: Int, _ reader: inout ByteReader
    ) throws(FormatError) -> [UInt32] {
        var words: [UInt32] = []
        words.reserveCapacity(count)
        for _ in 0..<count { words.append(try reader.u32("instruction operand")) }
        return words
    }

    func encode(_ opcode: Opcode, into writer: inout ByteWriter) {
        writer.u16(opcode.rawValue)
        for list in [inputs, outputs, tensors, attributes] { writer.u8(UInt8(list.count)) }
        writer.zeros(2)
        for list in [inputs, outputs, tensors, attributes] {
            for word in list { writer.u32(word) }
        }
    }
}

/// The tables that the operands of an instruction point into.
struct OperandTables {
    let index: Int
    let valueCount: Int
    let tensorCount: Int

    func value(_ word: UInt32) throws(FormatError) -> Int {
        guard word < valueCount else {
            throw .indexOutOfRange(
                field: "value of an instruction", index: UInt64(word), count: valueCount)
        }
        return Int(word)
    }

    func tensor(_ word: UInt32) throws(FormatError) -> Int {
        guard word < tensorCount else {
            throw .indexOutOfRange(
                field: "tensor of an instruction", index: UInt64(word), count: tensorCount)
        }
        return Int(word)
    }

    func optionalValue(_ word: UInt32) throws(FormatError) -> Int? {
        word == InstructionRecord.none ? nil : try value(word)
    }

    func optionalTensor(_ word: UInt32) throws(FormatError) -> Int? {
        word == InstructionRecord.none ? nil : try tensor(word)
    }

    func activation(_ word: UInt32) throws(FormatError) -> ActivationCode {
        guard let code = ActivationCode(rawValue: word) else {
            throw .unknownCode(field: "activation", code: UInt64(word))
        }
        return code
    }
}

extension Instruction {
    init(parsing reader: inout ByteReader, tables: OperandTables) throws(FormatError) {
        let code = try reader.u16("opcode")
        guard let opcode = Opcode(rawValue: code) else {
            throw .unknownCode(field: "opcode", code: UInt64(code))
        }
        let record = try InstructionRecord(parsing: &reader)
        func require(
            _ inputs: Int, _ outputs: Int, _ tensors: Int, _ attributes: Int
        ) throws(FormatError) {
            let found = [
                record.inputs.count, record.outputs.count, record.tensors.count,
                record.attributes.count,
            ]
            let expected = [inputs, outputs, tensors, attributes]
            for (found, expected) in zip(found, expected) where found != expected {
                throw .instruction(
                    index: tables.index, field: "operand count", expected: UInt64(expected),
                    found: UInt64(found))
            }
        }
        switch opcode {
        case .embed:
            let count = record.attributes.count / 2
            guard count >= 1, count <= 8 else {
                throw .overLimit(field: "tables of an embedding", limit: 8, found: UInt64(count))
            }
            let keptCount = (0..<count).count {
                record.attributes[2 * $0] == EmbedIndex.keptTokens.rawValue
            }
            try require(0, 1, count + keptCount, 2 * count)
            var nextKept = count
            var terms: [EmbedTerm] = []
            for term in 0..<count {
                let kind = record.attributes[2 * term]
                guard let index = EmbedIndex(rawValue: kind) else {
                    throw .unknownCode(field: "embedding index", code: UInt64(kind))
                }
                var keptTokens: Int?
                if index == .keptTokens {
                    keptTokens = try tables.tensor(record.tensors[nextKept])
                    nextKept += 1
                }
                terms.append(
                    EmbedTerm(
                        table: try tables.tensor(record.tensors[term]), index: index,
                        offset: Int(clamping: record.attributes[2 * term + 1]),
                        keptTokens: keptTokens))
            }
            self = .embed(output: try tables.value(record.outputs[0]), terms: terms)
        case .linear:
            try require(2, 1, 2, 1)
            self = .linear(
                input: try tables.value(record.inputs[0]),
                residual: try tables.optionalValue(record.inputs[1]),
                output: try tables.value(record.outputs[0]),
                weight: try tables.tensor(record.tensors[0]),
                bias: try tables.optionalTensor(record.tensors[1]),
                activation: try tables.activation(record.attributes[0]))
        case .attention:
            // Slopes are a tensor; a window and a cap are two more attributes.
            try require(
                3, 1, min(1, record.tensors.count), record.attributes.count == 7 ? 7 : 9)
            let attributes = record.attributes
            let further = attributes.dropFirst(7)
            guard let arithmetic = AttentionArithmetic(rawValue: attributes[6]) else {
                throw .unknownCode(field: "attention arithmetic", code: UInt64(attributes[6]))
            }
            guard attributes[5] <= 1 else {
                throw .unknownCode(field: "attention mask", code: UInt64(attributes[5]))
            }
            self = .attention(
                query: try tables.value(record.inputs[0]), key: try tables.value(record.inputs[1]),
                value: try tables.value(record.inputs[2]),
                output: try tables.value(record.outputs[0]),
                shape: AttentionShape(
                    headCount: Int(clamping: attributes[0]),
                    keyValueHeadCount: Int(clamping: attributes[1]),
                    headSize: Int(clamping: attributes[2]),
                    valueSize: Int(clamping: attributes[3]),
                    scale: Float(bitPattern: attributes[4]), isCausal: attributes[5] == 1,
                    arithmetic: arithmetic,
                    window: further.first.flatMap { $0 == 0 ? nil : Int(clamping: $0) },
                    scoreCap: further.last.flatMap { $0 == 0 ? nil : Float(bitPattern: $0) },
                    slopes: record.tensors.isEmpty ? nil : try tables.tensor(record.tensors[0])))
        case .layerNorm:
            try require(2, 1, 2, 1)
            self = .layerNorm(
                input: try tables.value(record.inputs[0]),
                residual: try tables.optionalValue(record.inputs[1]),
                output: try tables.value(record.outputs[0]),
                gamma: try tables.tensor(record.tensors[0]),
                beta: try tables.optionalTensor(record.tensors[1]),
                epsilon: Float(bitPattern: record.attributes[0]))
        case .activate:
            try require(1, 1, 0, 1)
            self = .activate(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]),
                activation: try tables.activation(record.attributes[0]))
        case .add:
            try require(2, 1, 0, 0)
            self = .add(
                left: try tables.value(record.inputs[0]), right: try tables.value(record.inputs[1]),
                output: try tables.value(record.outputs[0]))
        case .pool:
            try require(1, 1, 0, 1)
            guard let pooling = PoolCode(rawValue: record.attributes[0]) else {
                throw .unknownCode(field: "pooling", code: UInt64(record.attributes[0]))
            }
            self = .pool(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]), pooling: pooling)
        case .normalizeL2:
            try require(1, 1, 0, 1)
            self = .normalizeL2(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]),
                epsilon: Float(bitPattern: record.attributes[0]))
        case .quantize:
            // A range has two ends.
            try require(1, 1, 1, record.attributes.isEmpty ? 0 : 2)
            let ends = record.attributes.map { Float(bitPattern: $0) }
            self = .quantize(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]),
                multipliers: try tables.optionalTensor(record.tensors[0]),
                range: ends.isEmpty ? nil : CodeRange(low: ends[0], high: ends[1]))
        case .angles:
            try require(0, 1, 1, 1)
            self = .angles(
                output: try tables.value(record.outputs[0]),
                frequencies: try tables.tensor(record.tensors[0]),
                factor: Float(bitPattern: record.attributes[0]))
        case .rotate:
            try require(2, 1, 0, 2)
            guard let pairing = RotaryPairing(rawValue: record.attributes[1]) else {
                throw .unknownCode(field: "rotary pairing", code: UInt64(record.attributes[1]))
            }
            self = .rotate(
                input: try tables.value(record.inputs[0]),
                angles: try tables.value(record.inputs[1]),
                output: try tables.value(record.outputs[0]),
                headSize: Int(clamping: record.attributes[0]), pairing: pairing)
        case .rmsNorm:
            try require(1, 1, 1, 1)
            self = .rmsNorm(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]),
                gamma: try tables.tensor(record.tensors[0]),
                epsilon: Float(bitPattern: record.attributes[0]))
        case .multiply:
            try require(2, 1, 0, 0)
            self = .multiply(
                left: try tables.value(record.inputs[0]), right: try tables.value(record.inputs[1]),
                output: try tables.value(record.outputs[0]))
        case .scale:
            try require(1, 1, 0, 1)
            self = .scale(
                input: try tables.value(record.inputs[0]),
                output: try tables.value(record.outputs[0]),
                factor: Float(bitPattern: record.attributes[0]))
        }
    }

    func encode(into writer: inout ByteWriter) {
        func word(_ index: Int?) -> UInt32 { index.map { UInt32($0) } ?? InstructionRecord.none }
        var record = InstructionRecord()
        record.outputs = [UInt32(output)]
        switch self {
        case .embed(_, let terms):
            for term in terms {
                record.tensors.append(UInt32(term.table))
                record.attributes += [term.index.rawValue, UInt32(term.offset)]
            }
            for term in terms {
                if let keptTokens = term.keptTokens { record.tensors.append(UInt32(keptTokens)) }
            }
        case .linear(let input, let residual, _, let weight, let bias, let activation):
            record.inputs = [word(input), word(residual)]
            record.tensors = [word(weight), word(bias)]
            record.attributes = [activation.rawValue]
        case .attention(let query, let key, let value, _, let shape):
            record.inputs = [word(query), word(key), word(value)]
            record.attributes = [
                UInt32(shape.headCount), UInt32(shape.keyValueHeadCount), UInt32(shape.headSize),
                UInt32(shape.valueSize), shape.scale.bitPattern, shape.isCausal ? 1 : 0,
                shape.arithmetic.rawValue,
            ]
            if shape.window != nil || shape.scoreCap != nil {
                record.attributes += [
                    UInt32(shape.window ?? 0), (shape.scoreCap ?? 0).bitPattern,
                ]
            }
            if let slopes = shape.slopes { record.tensors = [UInt32(slopes)] }
        case .layerNorm(let input, let residual, _, let gamma, let beta, let epsilon):
            record.inputs = [word(input), word(residual)]
            record.tensors = [word(gamma), word(beta)]
            record.attributes = [epsilon.bitPattern]
        case .activate(let input, _, let activation):
            record.inputs = [word(input)]
            record.attributes = [activation.rawValue]
        case .add(let left, let right, _):
            record.inputs = [word(left), word(right)]
        case .pool(let input, _, let pooling):
            record.inputs = [word(input)]
            record.attributes = [pooling.rawValue]
        case .normalizeL2(let input, _, let epsilon):
            record.inputs = [word(input)]
            record.attributes = [epsilon.bitPattern]
        case .quantize(let input, _, let multipliers, let range):
            record.inputs = [word(input)]
            record.tensors = [word(multipliers)]
            if let range {
                record.attributes = [range.low.bitPattern, range.high.bitPattern]
            }
        case .angles(_, let frequencies, let factor):
            record.tensors = [word(frequencies)]
            record.attributes = [factor.bitPattern]
        case .rotate(let input, let angles, _, let headSize, let pairing):
            record.inputs = [word(input), word(angles)]
            record.attributes = [UInt32(headSize), pairing.rawValue]
        case .rmsNorm(let input, _, let gamma, let epsilon):
            record.inputs = [word(input)]
            record.tensors = [word(gamma)]
            record.attributes = [epsilon.bitPattern]
        case .multiply(let left, let right, _):
            record.inputs = [word(left), word(right)]
        case .scale(let input, _, let factor):
            record.inputs = [word(input)]
            record.attributes = [factor.bitPattern]
        }
        record.encode(opcode, into: &writer)
    }
}
