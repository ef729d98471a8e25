import CEdgeKernels
import EdgeFormat

extension Interpreter {
    /// Takes blocks of rows through some steps, in parallel.
    func runBlocks(_ range: Range<Int>, _ blocks: [Range<Int>]) throws(RuntimeError) {
        let operations = range.map { operation(steps.steps[$0]) }
        let instructions = range.map { steps.steps[$0].instruction }
        var failures = [Failure?](repeating: nil, count: session.pool.threadCount)
        failures.withUnsafeMutableBufferPointer { failures in
            operations.withUnsafeBufferPointer { operations in
                instructions.withUnsafeBufferPointer { instructions in
                    session.pool.run(blocks.count) { index, thread in
                        let block = RowBlock(
                            rows: blocks[index], scratch: scratch(thread: thread))
                        var start = clock?.now() ?? 0
                        for step in operations.indices {
                            let bad = operations[step].run(kernels, block)
                            if let clock {
                                clock.add(
                                    since: start, instruction: instructions[step], thread: thread)
                                start = clock.now()
                            }
                            guard let bad else { continue }
                            let failure = Failure(
                                step: step, instruction: instructions[step], row: bad)
                            if failures[thread].map({ failure < $0 }) ?? true {
                                failures[thread] = failure
                            }
                            break
                        }
                    }
                }
            }
        }
        try Self.throwFirst(of: failures)
    }

    /// Runs one linear step over all rows, its columns in parallel.
    func runColumns(_ step: Int) {
        let instruction = steps.steps[step].instruction
        let operation = operation(steps.steps[step])
        let rows = rowCount(steps.output(of: steps.steps[step], in: program))
        let start = clock?.now() ?? 0
        defer { clock?.add(since: start, instruction: instruction, thread: 0) }
        let block = RowBlock(rows: 0..<rows, scratch: scratch(thread: 0))
        let grain = Int(EDGEK_COLUMN_GRAIN)
        let columns = operation.columnCount
        let grains = (columns + grain - 1) / grain
        let tasks = min(grains, session.pool.threadCount * 2)
        guard tasks > 0 else { return }
        let width = (grains + tasks - 1) / tasks * grain
        session.pool.run((columns + width - 1) / width) { task, _ in
            _ = operation.run(
                kernels, block, columns: task * width..<min(columns, (task + 1) * width))
        }
    }

    /// A row that is not finite; the first is that of the earliest step.
    private struct Failure {
        var step: Int
        var instruction: Int
        var row: Int

        static func < (left: Failure, right: Failure) -> Bool {
            (left.step, left.row) < (right.step, right.row)
        }
    }

    private static func throwFirst(of failures: [Failure?]) throws(RuntimeError) {
        var first: Failure?
        for failure in failures {
            guard let failure else { continue }
            if first.map({ failure < $0 }) ?? true { first = failure }
        }
        if let first { throw .notFinite(instruction: first.instruction, row: first.row) }
    }

    // MARK: Operations

    private func operand(_ object: Int) -> RowOperand {
        let location = plan.locations[object]
        let content = steps.objects[object]
        return RowOperand(
            start: location.isLocal ? nil : arena.start + location.byteOffset,
            localOffset: location.byteOffset, rowCapacity: location.rowCapacity,
            columnCount: content.columnCount, codeStride: content.codeStride)
    }

    func vector(_ tensor: Int?) -> UnsafePointer<Float>? {
        guard let tensor, let vector = session.weights.vectors[tensor] else { return nil }
        return UnsafePointer(vector.floats())
    }

    private func operation(_ step: Step) -> RowOperation {
        if case .packHeads(_, let value, let heads) = step,
            case .heads(let role, let count, let size) = steps.objects[heads].content
        {
            let sequences = (0..<shape.sequenceCount).map { sequence in
                PackedSequence(
                    rows: rows(value, of: sequence),
                    packed: shared(heads) + plan.headOffsets[heads][sequence])
            }
            return .packHeads(operand(value), role: role, count: count, size: size, sequences)
        }
        switch program.instructions[step.instruction] {
        case .linear(let input, let residual, let output, let weight, let bias, let activation):
            let act = edgek_activation(rawValue: activation.rawValue)
            let residual = residual.map { operand($0) }
            switch session.weights.linear[weight] {
            case .codes(let packed, let sums, let scales, let bits):
                let weights = CodeWeights(
                    packed: UnsafeRawPointer(packed), sums: UnsafePointer(sums),
                    scales: UnsafePointer(scales.floats()), bits: bits,
                    upcoming: session.upcomingWeights[step.instruction])
                return .linearCodes(
                    operand(input), residual: residual, output: operand(output), weights,
                    bias: vector(bias), act)
            case .floats(let floats):
                return .linearFloats(
                    operand(input), residual: residual, output: operand(output),
                    UnsafePointer(floats), bias: vector(bias), act)
            case .mappedFloats(let mapped):
                return .linearFloats(
                    operand(input), residual: residual, output: operand(output), mapped,
                    bias: vector(bias), act)
            case nil:
                preconditionFailure("every matrix of the program is loaded")
            }
        case .layerNorm(let input, let residual, let output, let gamma, let beta, let epsilon):
            return .layerNorm(
                operand(input), residual: residual.map { operand($0) }, output: operand(output),
                gamma: vector(gamma), beta: vector(beta), epsilon: epsilon)
        case .activate(let input, let output, let activation):
            return .activate(
                operand(input), output: operand(output),
                edgek_activation(rawValue: activation.rawValue))
        case .add(let left, let right, let output):
            return .add(operand(left), operand(right), output: operand(output))
        case .normalizeL2(let input, let output, let epsilon):
            return .normalizeL2(operand(input), output: operand(output), epsilon: epsilon)
        case .quantize(let input, let output, let multipliers, let range):
            return .quantize(
                operand(input), output: operand(output), multipliers: vector(multipliers),
                range: range)
        case .rmsNorm(let input, let output, let gamma, let epsilon):
            return .rmsNorm(
                operand(input), output: operand(output), gamma: vector(gamma),
                groupSize: session.container.directory.tensors[gamma].elementCount,
                epsilon: epsilon)
        case .rotate(let input, let angles, let output, let headSize, let pairing):
            return .rotate(
                operand(input), angles: operand(angles), output: operand(output),
                headSize: headSize, pairing)
        case .multiply(let left, let right, let output):
            return .multiply(operand(left), operand(right), output: operand(output))
        case .scale(let input, let output, let factor):
            return .scale(operand(input), output: operand(output), factor: factor)
        case .embed, .attention, .pool, .angles:
            preconditionFailure("the instruction does not go by rows")
        }
    }
}
