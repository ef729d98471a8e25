/// The rules for the operands of one instruction (formats/container.md, "Instructions").
struct OperandCheck {
    let program: Program
    let tensors: [TensorRecord]
    /// Number of the instruction, for errors.
    let index: Int

    func check(_ instruction: Instruction) throws(FormatError) {
        switch instruction {
        case .embed(let output, let terms):
            try checkEmbed(output: output, terms: terms)
        case .linear(let input, let residual, let output, let weight, let bias, _):
            try checkLinear(
                input: input, residual: residual, output: output, weight: weight, bias: bias)
        case .attention(let query, let key, let value, let output, let shape):
            try checkAttention(query: query, key: key, value: value, output: output, shape: shape)
        case .layerNorm(let input, let residual, let output, let gamma, let beta, let epsilon):
            try sameShape(input, output)
            if let residual { try sameShape(residual, output) }
            try vector(gamma, count: program.values[output].columnCount)
            if let beta { try vector(beta, count: program.values[output].columnCount) }
            try positive(epsilon)
            try require("columns", 1, min(1, program.values[output].columnCount))
        case .activate(let input, let output, _):
            try sameShape(input, output)
        case .add(let left, let right, let output):
            try sameShape(left, output)
            try sameShape(right, output)
        case .pool(let input, let output, _):
            try floats(input)
            try floats(output)
            try require("rows of a pooled value", 1, program.values[output].fixedRows ?? 0)
            try require(
                "columns of a pooled value", program.values[input].columnCount,
                program.values[output].columnCount)
        case .normalizeL2(let input, let output, let epsilon):
            try sameShape(input, output)
            try positive(epsilon)
        case .quantize(let input, let output, let multipliers, let range):
            try floats(input)
            try require("kind of the output", 1, Int(program.values[output].kind.rawValue))
            try sameSize(input, output)
            if let multipliers {
                try vector(multipliers, count: program.values[input].columnCount)
            }
            if let range { try check(range) }
        case .angles(let output, let frequencies, let factor):
            try floats(output)
            try require("rows of angles", 0, program.values[output].fixedRows ?? 0)
            try require(
                "columns of angles, a pair for each frequency",
                2 * tensors[frequencies].elementCount, program.values[output].columnCount)
            try vector(frequencies, count: tensors[frequencies].elementCount)
            try finite("factor of angles (bits)", factor)
        case .rotate(let input, let angles, let output, let headSize, _):
            try sameShape(input, output)
            try floats(angles)
            try sameRows(angles, output)
            let columns = program.values[output].columnCount
            try divides("size of a turned head", headSize, columns)
            guard program.values[angles].columnCount <= headSize else {
                throw .overLimit(
                    field: "columns of angles", limit: UInt64(headSize),
                    found: UInt64(program.values[angles].columnCount))
            }
        case .rmsNorm(let input, let output, let gamma, let epsilon):
            try sameShape(input, output)
            let size = tensors[gamma].elementCount
            try vector(gamma, count: size)
            try divides("elements of gamma", size, program.values[output].columnCount)
            try positive(epsilon)
        case .multiply(let left, let right, let output):
            try sameShape(left, output)
            try sameShape(right, output)
        case .scale(let input, let output, let factor):
            try sameShape(input, output)
            try finite("factor (bits)", factor)
        }
    }

    private func divides(
        _ field: StaticText, _ size: Int, _ columns: Int
    ) throws(FormatError) {
        guard size > 0, columns % size == 0 else {
            throw .instruction(
                index: index, field: field, expected: UInt64(columns), found: UInt64(max(0, size)))
        }
    }

    private func finite(_ field: StaticText, _ number: Float) throws(FormatError) {
        guard number.isFinite else {
            throw .instruction(
                index: index, field: field, expected: 0, found: UInt64(number.bitPattern))
        }
    }

    private func checkEmbed(output: Int, terms: [EmbedTerm]) throws(FormatError) {
        try floats(output)
        try require("rows of an embedding", 0, program.values[output].fixedRows ?? 0)
        for term in terms {
            let table = tensors[term.table]
            try require("rank of a table", 2, table.shape.count)
            try require("columns of a table", program.values[output].columnCount, table.columnCount)
            try numeric(term.table)
            let rowsNeeded =
                switch term.index {
                case .tokenIDs: program.vocabularySize
                // An input without types stands for type 0 everywhere.
                case .typeIDs: max(1, program.typeCount)
                case .positions: program.maximumTokens
                // The offset is the row of the tokens that are left out.
                case .keptTokens: 1
                }
            let (needed, overflow) = rowsNeeded.addingReportingOverflow(term.offset)
            guard !overflow, needed <= table.rowCount else {
                throw .instruction(
                    index: index, field: "rows of a table", expected: UInt64(needed),
                    found: UInt64(table.rowCount))
            }
            if let keptTokens = term.keptTokens { try checkKeptTokens(keptTokens) }
        }
    }

    /// One bit for each token of the vocabulary.
    private func checkKeptTokens(_ tensor: Int) throws(FormatError) {
        try require(
            "element type of kept tokens", Int(StoredType.u8.rawValue),
            Int(tensors[tensor].type.rawValue))
        try require("rank of kept tokens", 1, tensors[tensor].shape.count)
        try require(
            "bytes of kept tokens", (program.vocabularySize + 7) / 8,
            tensors[tensor].elementCount)
    }

    private func checkLinear(
        input: Int, residual: Int?, output: Int, weight: Int, bias: Int?
    ) throws(FormatError) {
        let matrix = tensors[weight]
        try require("rank of a weight", 2, matrix.shape.count)
        if matrix.scheme != .int4Groups { try numeric(weight) }
        let isQuantized = matrix.scheme != .none
        try require(
            "kind of the input", isQuantized ? 1 : 0, Int(program.values[input].kind.rawValue))
        try floats(output)
        try require("columns of the input", matrix.columnCount, program.values[input].columnCount)
        try require("columns of the output", matrix.rowCount, program.values[output].columnCount)
        try sameRows(input, output)
        guard matrix.columnCount <= ContainerLimits.linearDepth else {
            throw .overLimit(
                field: "columns of a weight", limit: UInt64(ContainerLimits.linearDepth),
                found: UInt64(matrix.columnCount))
        }
        if let bias { try vector(bias, count: matrix.rowCount) }
        if let residual { try sameShape(residual, output) }
    }

    private func checkAttention(
        query: Int, key: Int, value: Int, output: Int, shape: AttentionShape
    ) throws(FormatError) {
        for operand in [query, key, value, output] { try floats(operand) }
        for (size, limit) in [
            (shape.headCount, 1 << 16), (shape.headSize, 1 << 12), (shape.valueSize, 1 << 12),
        ] {
            guard size <= limit else {
                throw .overLimit(
                    field: "size of attention", limit: UInt64(limit), found: UInt64(size))
            }
        }
        guard shape.keyValueHeadCount <= shape.headCount,
            shape.headCount == 0
                || (shape.keyValueHeadCount > 0
                    && shape.headCount % shape.keyValueHeadCount == 0)
        else {
            throw .instruction(
                index: index, field: "key and value heads", expected: UInt64(shape.headCount),
                found: UInt64(shape.keyValueHeadCount))
        }
        try finite("attention scale (bits)", shape.scale)
        let values = program.values
        try require(
            "columns of the query", shape.headCount * shape.headSize, values[query].columnCount)
        try require(
            "columns of the key", shape.keyValueHeadCount * shape.headSize,
            values[key].columnCount)
        try require(
            "columns of the value", shape.keyValueHeadCount * shape.valueSize,
            values[value].columnCount)
        try require(
            "columns of the output", shape.headCount * shape.valueSize,
            values[output].columnCount)
        try sameRows(query, output)
        try sameRows(key, value)
        // A fixed number of queries are those of the last keys.
        if shape.isCausal, values[query].fixedRows == nil { try sameRows(query, key) }
        if let window = shape.window {
            try require("mask of a window", 1, shape.isCausal ? 1 : 0)
            guard window >= 1, window <= ContainerLimits.maximumTokens else {
                throw .overLimit(
                    field: "window of attention", limit: UInt64(ContainerLimits.maximumTokens),
                    found: UInt64(window))
            }
        }
        if let cap = shape.scoreCap {
            // So that neither the cap nor its reciprocal leaves the normal numbers.
            guard cap >= 0x1p-60, cap <= 0x1p60 else {
                throw .instruction(
                    index: index, field: "cap of scores (bits)", expected: 0,
                    found: UInt64(cap.bitPattern))
            }
        }
        if let slopes = shape.slopes { try vector(slopes, count: shape.headCount) }
    }

    private func require(
        _ field: StaticText, _ expected: Int, _ found: Int
    ) throws(FormatError) {
        guard expected == found else {
            throw .instruction(
                index: index, field: field, expected: UInt64(max(0, expected)),
                found: UInt64(max(0, found)))
        }
    }

    private func floats(_ value: Int) throws(FormatError) {
        try require("kind of a value", 0, Int(program.values[value].kind.rawValue))
    }

    private func sameRows(_ left: Int, _ right: Int) throws(FormatError) {
        // 0 stands for one row per token.
        try require(
            "rows of a value", program.values[left].fixedRows ?? 0,
            program.values[right].fixedRows ?? 0)
    }

    private func sameSize(_ left: Int, _ right: Int) throws(FormatError) {
        try sameRows(left, right)
        try require(
            "columns of a value", program.values[left].columnCount,
            program.values[right].columnCount)
    }

    private func sameShape(_ left: Int, _ right: Int) throws(FormatError) {
        try floats(left)
        try floats(right)
        try sameSize(left, right)
    }

    private func vector(_ tensor: Int, count: Int) throws(FormatError) {
        try require(
            "element type of a vector", Int(StoredType.f32.rawValue),
            Int(tensors[tensor].type.rawValue))
        try require("rank of a vector", 1, tensors[tensor].shape.count)
        try require("elements of a vector", count, tensors[tensor].elementCount)
    }

    /// A tensor that stands for real numbers: floats, or codes with scales.
    private func numeric(_ tensor: Int) throws(FormatError) {
        let record = tensors[tensor]
        switch record.type {
        case .f32, .f16, .bf16: return
        case .i8, .u8:
            try require(
                "quantization scheme", Int(QuantizationScheme.int8Rows.rawValue),
                Int(record.scheme.rawValue))
        }
    }

    private func check(_ range: CodeRange) throws(FormatError) {
        // Not a number is on neither side of 0.
        guard range.low.isFinite, range.low <= 0 else {
            throw .instruction(
                index: index, field: "lower end of a range (bits)", expected: 0,
                found: UInt64(range.low.bitPattern))
        }
        guard range.high.isFinite, range.high >= 0 else {
            throw .instruction(
                index: index, field: "upper end of a range (bits)", expected: 0,
                found: UInt64(range.high.bitPattern))
        }
        let width = range.high - range.low
        guard width.isFinite, width >= ContainerLimits.narrowestRange else {
            throw .instruction(
                index: index, field: "width of a range (bits)",
                expected: UInt64(ContainerLimits.narrowestRange.bitPattern),
                found: UInt64(width.bitPattern))
        }
    }

    private func positive(_ epsilon: Float) throws(FormatError) {
        guard epsilon.isFinite, epsilon >= 0 else {
            throw .instruction(
                index: index, field: "epsilon (bits)", expected: 0,
                found: UInt64(epsilon.bitPattern))
        }
    }
}
