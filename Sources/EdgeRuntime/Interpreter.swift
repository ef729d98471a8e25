import CEdgeKernels
import EdgeFormat

/// Executes the stages of a plan over a batch.
struct Interpreter {
    let session: Session
    let arena: AlignedBuffer
    let steps: StepList
    let plan: ExecutionPlan
    let sequences: [BatchSequence]
    /// What the sequences extend, one for each; empty if they are whole.
    let caches: [KeyValueCache]
    let kernels: edgek_table
    /// Collects the time of each instruction, or nil.
    let clock: InstructionClock?

    var program: Program { session.program }
    var shape: BatchShape { plan.shape }

    func run() throws(RuntimeError) {
        for stage in plan.stages {
            switch stage.work {
            case .blocks(let blocks):
                try runBlocks(stage.steps, blocks)
            case .columns:
                runColumns(stage.steps.lowerBound)
            case .attention, .whole:
                let step = steps.steps[stage.steps.lowerBound]
                let start = clock?.now() ?? 0
                try runWhole(step)
                clock?.add(since: start, instruction: step.instruction, thread: 0)
            }
        }
    }

    private func runWhole(_ step: Step) throws(RuntimeError) {
        switch step {
        case .attend(let index, let query, let key, let value):
            guard case .attention(_, _, _, let output, let shape) = program.instructions[index]
            else { return }
            attend(query: query, key: key, value: value, output: output, shape: shape)
        case .append(let index, let value, let cached):
            try append(value, to: cached, instruction: index)
        case .whole(let index), .rows(let index), .packHeads(let index, _, _):
            switch program.instructions[index] {
            case .embed(let output, let terms):
                try embed(output: output, terms: terms)
            case .pool(let input, let output, let pooling):
                pool(input: input, output: output, pooling: pooling)
            case .angles(let output, let frequencies, let factor):
                computeAngles(output: output, frequencies: frequencies, factor: factor)
            default:
                preconditionFailure("the instruction goes by rows")
            }
        }
    }

    // MARK: Operands

    func rowCount(_ object: Int) -> Int {
        shape.rowCount(steps.objects[object].fixedRows)
    }

    /// The rows of a sequence in an object.
    func rows(_ object: Int, of sequence: Int) -> Range<Int> {
        shape.rows(of: sequence, steps.objects[object].fixedRows)
    }

    /// Tokens of a sequence before those of this run.
    func past(of sequence: Int) -> Int {
        caches.isEmpty ? 0 : caches[sequence].tokenCount
    }

    /// The first row of an object that all threads share.
    func shared(_ object: Int) -> UnsafeMutableRawPointer {
        arena.start + plan.locations[object].byteOffset
    }

    func floats(_ value: Int) -> UnsafeMutablePointer<Float> {
        shared(value).assumingMemoryBound(to: Float.self)
    }

    func scratch(thread: Int) -> UnsafeMutableRawPointer {
        arena.start + plan.scratchOffset + thread * plan.scratchBytesPerThread
    }

    func kernelScratch(thread: Int) -> UnsafeMutableRawPointer {
        scratch(thread: thread) + plan.kernelScratchOffset
    }
}
