import CEdgeKernels
import EdgeFormat

/// How a program is executed for a batch of a given shape, and where its values lie.
///
/// Steps that need only the same rows of their inputs form a stage, and a block of rows goes through
/// all of them before the next one starts: what only the stage uses stays in a cache and takes
/// memory for one block, and threads wait for each other between stages only.
struct ExecutionPlan {
    /// Steps that follow each other without waiting.
    struct Stage {
        var steps: Range<Int>
        var work: Work
    }

    enum Work {
        /// Blocks of rows, each through all steps.
        case blocks([Range<Int>])
        /// One linear step over all rows, split by columns.
        case columns
        /// Heads and blocks of queries.
        case attention
        case whole
    }

    /// Where an object lies.
    struct Location {
        /// From the start of the arena, or of the scratch memory of a thread.
        var byteOffset = 0
        /// Rows that it has room for.
        var rowCapacity = 0
        /// Whether each thread has one, for the rows of its block.
        var isLocal = false
    }

    /// Rows that go through a stage at a time: enough that reading the weights costs little, few
    /// enough that what they become stays in a second-level cache.
    static let blockRows = 32

    let shape: BatchShape
    let stages: [Stage]
    let locations: [Location]
    /// Of an object of packed heads, where those of each sequence start in it.
    let headOffsets: [[Int]]
    let scratchOffset: Int
    let scratchBytesPerThread: Int
    /// Offset of the memory that a kernel asks for in the scratch memory of a thread.
    let kernelScratchOffset: Int
    let byteCount: Int

    init(
        _ program: Program, _ list: StepList, _ shape: BatchShape, threadCount: Int,
        kernels: edgek_table
    ) {
        self.shape = shape
        stages = Self.stages(program, list, shape, threadCount: threadCount)
        headOffsets = list.objects.map { $0.headOffsets(shape, kernels: kernels) }

        let uses = ObjectUses(program, list, stages)
        var locations = [Location](repeating: Location(), count: list.objects.count)
        var shared: [Int] = []
        for object in list.objects.indices where uses.isUsed(object) {
            let stage = stages[uses.firstStage[object]]
            if case .blocks(let blocks) = stage.work, uses.isLocal(object) {
                locations[object].isLocal = true
                locations[object].rowCapacity = blocks.reduce(0) { max($0, $1.count) }
            } else {
                locations[object].rowCapacity = shape.rowCount(list.objects[object].fixedRows)
                shared.append(object)
            }
        }
        func size(_ object: Int) -> Int {
            list.objects[object].byteCount(
                rows: locations[object].rowCapacity, shape, kernels: kernels)
        }
        let placement = Placement(
            shared.map {
                Lifetime(
                    byteCount: size($0), first: uses.firstStage[$0], last: uses.lastStage[$0])
            })
        for (index, object) in shared.enumerated() {
            locations[object].byteOffset = placement.offsets[index]
        }
        // The stages use the scratch memory of a thread one after the other.
        var localBytes = 0
        for stage in stages.indices {
            let local = list.objects.indices.filter {
                locations[$0].isLocal && uses.firstStage[$0] == stage
            }
            let placement = Placement(
                local.map {
                    Lifetime(
                        byteCount: size($0), first: uses.firstStep[$0], last: uses.lastStep[$0])
                })
            for (index, object) in local.enumerated() {
                locations[object].byteOffset = placement.offsets[index]
            }
            localBytes = max(localBytes, placement.byteCount)
        }
        self.locations = locations
        scratchOffset = placement.byteCount
        kernelScratchOffset = localBytes
        scratchBytesPerThread =
            localBytes
            + rounded(
                Self.kernelScratchBytes(program, shape, kernels: kernels),
                up: 64)
        byteCount = scratchOffset + scratchBytesPerThread * threadCount
    }

    /// The most that a kernel or the sum of an embedding needs for itself.
    private static func kernelScratchBytes(
        _ program: Program, _ shape: BatchShape, kernels: edgek_table
    ) -> Int {
        let longest = shape.lengths.reduce(0) { max($0, $1) }
        var bytes = 64
        for instruction in program.instructions {
            switch instruction {
            case .attention(let query, let key, _, _, let attention):
                var native = edgek_attention_shape(
                    attention, queryCount: program.values[query].fixedRows ?? longest,
                    keyCount: program.values[key].fixedRows ?? longest)
                bytes = max(bytes, Int(kernels.attention_scratch_bytes(&native)))
            case .embed(let output, _):
                bytes = max(bytes, program.values[output].columnCount * 4)
            default:
                break
            }
        }
        return bytes
    }
}

// MARK: Stages

extension ExecutionPlan {
    /// How the rows of a stage are cut.
    private struct Cut {
        var blockRows: Int
        /// For a stage that packs heads: a multiple of the grain.
        var alignedBlockRows: Int
        /// Whether blocks start where heads can be packed.
        var isAligned: Bool
        /// Whether there are too few rows to share them out.
        var areFew: Bool

        init(rows: Int, threadCount: Int) {
            let grain = Int(EDGEK_ROW_GRAIN)
            let blocks = max(1, (rows + ExecutionPlan.blockRows - 1) / ExecutionPlan.blockRows)
            areFew = threadCount > 1 && rows < 2 * threadCount
            if threadCount == 1 || areFew {
                blockRows = rounded((rows + blocks - 1) / blocks, up: grain)
                alignedBlockRows = blockRows
                isAligned = true
                return
            }
            let perThread = (rows + threadCount - 1) / threadCount
            // The rows of the busiest thread, with blocks that are multiples of the grain.
            func load(_ blockRows: Int) -> Int {
                let blocks = (rows + blockRows - 1) / blockRows
                return (blocks + threadCount - 1) / threadCount * blockRows
            }
            blockRows = load(2 * grain) <= load(grain) ? 2 * grain : grain
            alignedBlockRows = blockRows
            isAligned = load(blockRows) * 8 <= perThread * 9
            if !isAligned {
                let turns = (perThread + ExecutionPlan.blockRows - 1) / ExecutionPlan.blockRows
                blockRows = (perThread + turns - 1) / turns
            }
        }
    }

    /// Whether the columns of a product are worth sharing out when its rows cannot be: reading the
    /// weights must take longer than waiting for another thread does.
    private static func isWide(_ step: Step, in program: Program) -> Bool {
        guard case .rows(let index) = step,
            case .linear(let input, _, let output, _, _, _) = program.instructions[index]
        else { return false }
        return program.values[input].columnCount * program.values[output].columnCount >= 1 << 20
    }

    private static func stages(
        _ program: Program, _ list: StepList, _ shape: BatchShape, threadCount: Int
    ) -> [Stage] {
        var stages: [Stage] = []
        func fixedRows(_ step: Int) -> Int? {
            list.objects[list.output(of: list.steps[step], in: program)].fixedRows
        }
        var first = 0
        while first < list.steps.count {
            var end = first + 1
            switch list.steps[first] {
            case .attend:
                stages.append(Stage(steps: first..<end, work: .attention))
            case .whole, .append:
                stages.append(Stage(steps: first..<end, work: .whole))
            case .rows, .packHeads:
                let fixed = fixedRows(first)
                let isOfTokens = fixed == nil && shape.sequenceCount > 1
                let cut = Cut(rows: shape.rowCount(fixed), threadCount: threadCount)
                func isByColumns(_ step: Int) -> Bool {
                    cut.areFew && isWide(list.steps[step], in: program)
                }
                if isByColumns(first) {
                    stages.append(Stage(steps: first..<end, work: .columns))
                    break
                }
                let isPacking = list.steps[first].isPacking
                while end < list.steps.count, list.steps[end].isByRows, fixedRows(end) == fixed,
                    !isByColumns(end),
                    cut.isAligned || isOfTokens || list.steps[end].isPacking == isPacking
                {
                    end += 1
                }
                let blocks: [Range<Int>]
                if isOfTokens {
                    blocks = Self.blocks(of: shape, threadCount: threadCount)
                } else {
                    blocks = Self.blocks(
                        rows: shape.rowCount(fixed),
                        by: isPacking ? cut.alignedBlockRows : cut.blockRows)
                }
                stages.append(Stage(steps: first..<end, work: .blocks(blocks)))
            }
            first = end
        }
        return stages
    }

    private static func blocks(rows: Int, by blockRows: Int) -> [Range<Int>] {
        stride(from: 0, to: rows, by: max(1, blockRows)).map {
            $0..<min(rows, $0 + blockRows)
        }
    }

    /// Blocks of several sequences: short ones together, long ones in parts that start where heads
    /// can be packed.
    private static func blocks(of shape: BatchShape, threadCount: Int) -> [Range<Int>] {
        let grain = Int(EDGEK_ROW_GRAIN)
        let share = (shape.tokenCount + threadCount - 1) / threadCount
        let limit = max(grain, min(blockRows, share))
        var blocks: [Range<Int>] = []
        var first = 0
        var end = 0
        for (start, length) in zip(shape.starts, shape.lengths) {
            for part in stride(from: 0, to: length, by: grain) {
                let partEnd = start + min(length, part + grain)
                if end > first, partEnd - first > limit {
                    blocks.append(first..<end)
                    first = end
                }
                end = partEnd
            }
        }
        if end > first { blocks.append(first..<end) }
        return blocks
    }
}

extension Step {
    fileprivate var isPacking: Bool {
        if case .packHeads = self { true } else { false }
    }
}

/// When the objects of a program are used.
private struct ObjectUses {
    var firstStep: [Int]
    var lastStep: [Int]
    var firstStage: [Int]
    var lastStage: [Int]

    init(_ program: Program, _ list: StepList, _ stages: [ExecutionPlan.Stage]) {
        firstStep = [Int](repeating: Int.max, count: list.objects.count)
        lastStep = [Int](repeating: -1, count: list.objects.count)
        firstStage = firstStep
        lastStage = lastStep
        for (stage, content) in stages.enumerated() {
            for step in content.steps {
                let used =
                    list.inputs(of: list.steps[step], in: program)
                    + [list.output(of: list.steps[step], in: program)]
                for object in used {
                    firstStep[object] = min(firstStep[object], step)
                    lastStep[object] = step
                    firstStage[object] = min(firstStage[object], stage)
                    lastStage[object] = stage
                }
            }
        }
        for code in list.outputs {
            if let value = program.output(code) { lastStage[value] = stages.count }
        }
    }

    func isUsed(_ object: Int) -> Bool {
        firstStep[object] != Int.max
    }

    func isLocal(_ object: Int) -> Bool {
        firstStage[object] == lastStage[object]
    }
}

extension edgek_attention_shape {
    init(_ shape: AttentionShape, queryCount: Int, keyCount: Int) {
        self.init()
        query_count = Int64(queryCount)
        key_count = Int64(keyCount)
        head_count = Int64(shape.headCount)
        key_value_head_count = Int64(shape.keyValueHeadCount)
        head_size = Int64(shape.headSize)
        value_size = Int64(shape.valueSize)
        scale = shape.scale
        causal = shape.isCausal ? 1 : 0
        key_capacity = Int64(keyCount)
        window = Int64(shape.window ?? 0)
        score_cap = shape.scoreCap ?? 0
    }
}
