import CEdgeKernels
import EdgeFormat

/// Executes the instructions of a program over one input.
struct Interpreter {
    let session: Session
    let arena: AlignedBuffer
    let plan: MemoryPlan
    let tokenIDs: [Int32]
    /// Empty, or one type for each token.
    let typeIDs: [Int32]

    var program: Program { session.program }
    var kernels: edgek_table { session.instructionSet.kernels }
    var tokenCount: Int { tokenIDs.count }

    func execute(_ instruction: Instruction, index: Int) throws(RuntimeError) {
        switch instruction {
        case .embed(let output, let terms):
            try embed(output: output, terms: terms)
        case .linear(let input, let residual, let output, let weight, let bias, let activation):
            linear(
                input: input, residual: residual, output: output, weight: weight, bias: bias,
                activation: activation)
        case .attention(let query, let key, let value, let output, let shape):
            try attention(
                query: query, key: key, value: value, output: output, shape: shape, index: index)
        case .layerNorm(let input, let residual, let output, let gamma, let beta, let epsilon):
            layerNorm(
                input: input, residual: residual, output: output, gamma: gamma, beta: beta,
                epsilon: epsilon)
        case .activate(let input, let output, let activation):
            kernels.activate(
                floats(input), Int64(elementCount(input)), native(activation), floats(output))
        case .add(let left, let right, let output):
            let bytes = elementCount(left) * 4
            UnsafeMutableRawPointer(floats(output)).copyMemory(
                from: floats(left), byteCount: bytes)
            kernels.add(floats(right), Int64(elementCount(right)), floats(output))
        case .pool(let input, let output, let pooling):
            pool(input: input, output: output, pooling: pooling)
        case .normalizeL2(let input, let output, let epsilon):
            let columns = program.values[input].columnCount
            for row in 0..<rowCount(input) {
                kernels.normalize_l2(
                    floats(input) + row * columns, Int64(columns), epsilon,
                    floats(output) + row * columns)
            }
        case .quantize(let input, let output, let multipliers):
            try quantize(input: input, output: output, multipliers: multipliers, index: index)
        }
    }

    // MARK: Operands

    func rowCount(_ value: Int) -> Int {
        program.values[value].rowCount(tokenCount: tokenCount)
    }

    func elementCount(_ value: Int) -> Int {
        rowCount(value) * program.values[value].columnCount
    }

    func floats(_ value: Int) -> UnsafeMutablePointer<Float> {
        arena.floats(at: plan.slotOffsets[program.values[value].slot])
    }

    func codes(_ value: Int) -> UnsafeMutablePointer<Int8> {
        arena.bytes(at: plan.slotOffsets[program.values[value].slot])
    }

    /// The quantization of the rows of a value of codes, which follows the codes.
    func rowQuantization(_ value: Int) -> UnsafeMutablePointer<edgek_row_quantization> {
        let codeBytes = rowCount(value) * MemoryPlan.codeStride(program.values[value])
        return (arena.start + plan.slotOffsets[program.values[value].slot] + codeBytes)
            .assumingMemoryBound(to: edgek_row_quantization.self)
    }

    func vector(_ tensor: Int?) -> UnsafePointer<Float>? {
        guard let tensor, let vector = session.weights.vectors[tensor] else { return nil }
        return UnsafePointer(vector.floats())
    }

    func scratch(thread: Int) -> UnsafeMutableRawPointer {
        arena.start + plan.scratchOffset + thread * plan.scratchBytesPerThread
    }

    func native(_ activation: ActivationCode) -> edgek_activation {
        edgek_activation(rawValue: activation.rawValue)
    }

    // MARK: Work

    /// Calls `work` with ranges of rows that cover 0 ..< count, in parallel.
    func overRows(
        _ count: Int, grain: Int, _ work: (_ first: Int, _ end: Int, _ thread: Int) -> Void
    ) {
        let threads = session.pool.threadCount
        let wanted = max(1, threads * 4)
        let rows = threads == 1 ? max(1, count) : max(grain, (count + wanted - 1) / wanted)
        session.pool.run((count + rows - 1) / rows) { task, thread in
            work(task * rows, min(count, (task + 1) * rows), thread)
        }
    }
}
