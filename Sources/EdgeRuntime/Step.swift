import CEdgeKernels
import EdgeFormat

/// What a step reads or writes: a value of the program, or the packed heads of one operand of a
/// quantized attention.
struct MemoryObject {
    enum Content {
        /// `[rows, columns]` floats.
        case floats
        /// `[rows, stride]` codes, then the quantization of the rows.
        case codes
        case heads(edgek_head_role, count: Int, size: Int)
        /// Keys or values that a cache keeps, in the place with this number.
        case cached(place: Int)
    }

    let content: Content
    let columnCount: Int
    /// Number of rows for each sequence; nil stands for the number of its tokens.
    let fixedRows: Int?

    /// Bytes from one row of codes to the next.
    var codeStride: Int {
        rounded(columnCount, up: Int(EDGEK_CODE_ALIGNMENT))
    }

    /// Bytes of `rows` rows of floats or codes, or of the heads of all sequences.
    func byteCount(rows: Int, _ shape: BatchShape, kernels: edgek_table) -> Int {
        switch content {
        case .floats:
            return rows * columnCount * 4
        case .codes:
            return rows * codeStride + rows * MemoryLayout<edgek_row_quantization>.stride
        case .heads:
            return headOffsets(shape, kernels: kernels).last ?? 0
        case .cached:
            return 0
        }
    }

    /// Where the packed heads of each sequence start, and where those of the last end.
    func headOffsets(_ shape: BatchShape, kernels: edgek_table) -> [Int] {
        guard case .heads(let role, let count, let size) = content else { return [] }
        var end = 0
        var offsets = [0]
        for sequence in 0..<shape.sequenceCount {
            let rows = shape.rows(of: sequence, fixedRows).count
            end += Int(
                kernels.packed_head_bytes(role, Int64(rows), Int64(count), Int64(size)))
            offsets.append(end)
        }
        return offsets
    }
}

/// A part of the execution: an instruction, or what a quantized attention does first.
///
/// Integers index `StepList.objects`, of which the first are the values of the program.
enum Step {
    /// An instruction whose output rows depend on the same rows of its inputs only.
    case rows(instruction: Int)
    /// Quantizes the heads of a value.
    case packHeads(instruction: Int, value: Int, heads: Int)
    /// Adds the rows of a value to what a cache keeps.
    case append(instruction: Int, value: Int, cached: Int)
    /// Attention over floats, or over packed heads.
    case attend(instruction: Int, query: Int, key: Int, value: Int)
    /// An instruction that needs whole values or changes tables.
    case whole(instruction: Int)

    /// Whether the step may run on some rows after the other.
    var isByRows: Bool {
        switch self {
        case .rows, .packHeads: true
        case .attend, .whole, .append: false
        }
    }

    var instruction: Int {
        switch self {
        case .rows(let instruction), .packHeads(let instruction, _, _),
            .append(let instruction, _, _),
            .attend(let instruction, _, _, _), .whole(let instruction):
            instruction
        }
    }
}

/// The steps of a program and the objects that they read and write.
struct StepList {
    /// What the steps compute.
    let outputs: [OutputCode]
    /// Whether they extend sequences whose earlier keys and values are in caches.
    let isExtending: Bool
    private(set) var steps: [Step] = []
    private(set) var objects: [MemoryObject]

    /// - Parameters:
    ///   - outputs: What to compute; instructions that none of them needs have no steps. Those that
    ///     make keys and values of a cache do.
    ///   - isExtending: Only for a program that can be extended.
    init(_ program: Program, outputs: [OutputCode], isExtending: Bool = false) {
        self.outputs = outputs
        self.isExtending = isExtending
        objects = program.values.map { value in
            MemoryObject(
                content: value.kind == .floats ? .floats : .codes,
                columnCount: value.columnCount, fixedRows: value.fixedRows)
        }
        let needed = program.instructions(neededFor: outputs, isExtending: isExtending)
        // For each instruction its step, and what its output completes for an attention.
        var parts = [[Step]](repeating: [], count: program.instructions.count)
        var writers = [Int](repeating: 0, count: program.values.count)
        var caches = 0
        for (index, instruction) in program.instructions.enumerated() {
            writers[instruction.output] = index
            switch instruction {
            case .linear, .layerNorm, .activate, .add, .quantize, .normalizeL2, .rmsNorm, .rotate,
                .multiply, .scale:
                if needed[index] { parts[index].append(.rows(instruction: index)) }
            case .embed, .pool, .angles:
                if needed[index] { parts[index].append(.whole(instruction: index)) }
            case .attention(let query, let key, let value, _, let shape):
                var operands = AttentionOperands(query: query, key: key, value: value)
                if isExtending {
                    operands = appending(
                        operands, instruction: index, firstPlace: 2 * caches, writers, &parts)
                    caches += 1
                }
                guard needed[index] else { continue }
                if shape.arithmetic == .int8 {
                    operands = packing(
                        operands, shape, instruction: index, isExtending: isExtending, writers,
                        &parts)
                }
                parts[index].append(
                    .attend(
                        instruction: index, query: operands.query, key: operands.key,
                        value: operands.value))
            }
        }
        steps = parts.flatMap { $0 }
    }

    /// Objects that an attention reads.
    private struct AttentionOperands {
        var query: Int
        var key: Int
        var value: Int
    }

    /// Adds keys and values to a cache as soon as they are there.
    private mutating func appending(
        _ operands: AttentionOperands, instruction: Int, firstPlace: Int, _ writers: [Int],
        _ parts: inout [[Step]]
    ) -> AttentionOperands {
        var result = operands
        for (number, value) in [operands.key, operands.value].enumerated() {
            objects.append(
                MemoryObject(
                    content: .cached(place: firstPlace + number),
                    columnCount: objects[value].columnCount, fixedRows: nil))
            parts[writers[value]].append(
                .append(instruction: instruction, value: value, cached: objects.count - 1))
        }
        result.key = objects.count - 2
        result.value = objects.count - 1
        return result
    }

    /// Packs the heads of what is not in a cache.
    ///
    /// Operands with the same rows are packed together, as soon as they are there: so that happens in
    /// one stage with what makes them.
    private mutating func packing(
        _ operands: AttentionOperands, _ shape: AttentionShape, instruction: Int,
        isExtending: Bool, _ writers: [Int], _ parts: inout [[Step]]
    ) -> AttentionOperands {
        let queries = (operands.query, EDGEK_QUERIES, shape.headCount, shape.headSize)
        let keys = (operands.key, EDGEK_KEYS, shape.keyValueHeadCount, shape.headSize)
        let values = (operands.value, EDGEK_VALUES, shape.keyValueHeadCount, shape.valueSize)
        let packed = isExtending ? [queries] : [queries, keys, values]
        let first = objects.count
        for (number, (value, role, count, size)) in packed.enumerated() {
            let rows = objects[value].fixedRows
            objects.append(
                MemoryObject(
                    content: .heads(role, count: count, size: size),
                    columnCount: objects[value].columnCount, fixedRows: rows))
            var last = 0
            for (other, _, _, _) in packed where objects[other].fixedRows == rows {
                last = max(last, writers[other])
            }
            parts[last].append(
                .packHeads(instruction: instruction, value: value, heads: first + number))
        }
        return isExtending
            ? AttentionOperands(query: first, key: operands.key, value: operands.value)
            : AttentionOperands(query: first, key: first + 1, value: first + 2)
    }

    /// Objects that a step reads.
    func inputs(of step: Step, in program: Program) -> [Int] {
        switch step {
        case .rows(let instruction), .whole(let instruction):
            program.instructions[instruction].inputs
        case .packHeads(_, let value, _), .append(_, let value, _): [value]
        case .attend(_, let query, let key, let value): [query, key, value]
        }
    }

    /// The object that a step writes.
    func output(of step: Step, in program: Program) -> Int {
        switch step {
        case .rows(let instruction), .whole(let instruction), .attend(let instruction, _, _, _):
            program.instructions[instruction].output
        case .packHeads(_, _, let heads): heads
        case .append(_, _, let cached): cached
        }
    }
}
