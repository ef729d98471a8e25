import CEdgeKernels
import CEdgePlatform
package import EdgeFormat

/// How a session runs.
package struct SessionOptions {
    package var instructionSet: InstructionSet
    package var threadCount: Int
    /// Upper bound for the memory of the session in bytes, or nil.
    package var memoryLimit: Int?

    package init(
        instructionSet: InstructionSet = .fastest, threadCount: Int = 1, memoryLimit: Int? = nil
    ) {
        self.instructionSet = instructionSet
        self.threadCount = threadCount
        self.memoryLimit = memoryLimit
    }
}

/// A matrix of floats that a session computed, `[rowCount, columnCount]`.
package struct Output: Equatable, Sendable {
    package let rowCount: Int
    package let columnCount: Int
    package let values: [Float]

    package init(rowCount: Int, columnCount: Int, values: [Float]) {
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.values = values
    }
}

/// One loaded program, ready to run; used by one thread at a time.
package final class Session {
    package let container: Container
    package let instructionSet: InstructionSet
    let program: Program
    let weights: Weights
    let pool: ThreadPool
    let steps: StepList
    /// For each instruction the packed weights that are read next after it, or nil.
    let upcomingWeights: [UnsafeRawPointer?]
    private var arena: AlignedBuffer?
    private(set) var plan: ExecutionPlan

    /// Loads the weights of a container.
    package init(_ container: Container, options: SessionOptions) throws(RuntimeError) {
        // The need for memory grows with the number of threads, and must not overflow.
        guard ThreadPool.threadCounts.contains(options.threadCount) else {
            throw .threads(count: options.threadCount)
        }
        self.container = container
        instructionSet = options.instructionSet
        program = container.directory.program
        if let limit = options.memoryLimit {
            let need = MemoryNeed(
                container.directory, tokenCount: program.maximumTokens,
                threadCount: options.threadCount, instructionSet: options.instructionSet)
            guard need.total <= limit else {
                throw .overMemoryLimit(needed: need.total, limit: limit)
            }
        }
        pool = try ThreadPool(threadCount: options.threadCount)
        weights = try Weights(
            container, kernels: options.instructionSet.kernels, pool: pool)
        steps = StepList(program)
        upcomingWeights = weights.upcoming(in: program)
        plan = ExecutionPlan(
            program, steps, BatchShape([]), threadCount: pool.threadCount,
            kernels: options.instructionSet.kernels)
    }

    package var maximumTokens: Int { program.maximumTokens }

    package var threadCount: Int { pool.threadCount }

    package func hasOutput(_ code: OutputCode) -> Bool {
        program.output(code) != nil
    }

    /// Runs the program for one sequence and returns the outputs asked for, in their order.
    ///
    /// `typeIDs` may be empty, which stands for type 0 everywhere. `clock` collects what the
    /// instructions take.
    ///
    /// - Throws: besides what is wrong with the input, `notFinite` where a quantized row or a
    ///   returned one is not finite.
    package func run(
        tokenIDs: [Int32], typeIDs: [Int32], outputs: [OutputCode],
        clock: InstructionClock? = nil
    ) throws(RuntimeError) -> [Output] {
        try run(
            [BatchSequence(tokenIDs: tokenIDs, typeIDs: typeIDs)], outputs: outputs, clock: clock)[
                0]
    }

    /// Runs the program for sequences of any lengths at once, without padding, and returns the
    /// outputs of each, with the same bits as if it were alone.
    ///
    /// - Throws: as for one sequence; the row of `notFinite` counts those of all. `overBatch` where
    ///   the sequences need more memory than the longest that the model takes.
    package func run(
        _ sequences: [BatchSequence], outputs: [OutputCode], clock: InstructionClock? = nil
    ) throws(RuntimeError) -> [[Output]] {
        for sequence in sequences {
            try check(tokenIDs: sequence.tokenIDs, typeIDs: sequence.typeIDs)
        }
        guard sequences.count <= 1 || batchRows(sequences) <= maximumBatchRows else {
            throw .overBatch(rows: batchRows(sequences), limit: maximumBatchRows)
        }
        let shape = BatchShape(sequences.map { $0.tokenIDs.count })
        let arena = try prepareArena(shape)
        let interpreter = Interpreter(
            session: self, arena: arena, plan: plan, sequences: sequences,
            kernels: instructionSet.kernels, clock: clock)
        try interpreter.run()
        var results: [[Output]] = []
        for sequence in sequences.indices {
            var ofSequence: [Output] = []
            for code in outputs {
                guard let index = program.output(code) else { throw .noSuchOutput }
                let rows = shape.rows(of: sequence, program.values[index].fixedRows)
                let output = self.output(index, rows, in: arena)
                if let position = output.values.firstIndex(where: { !$0.isFinite }) {
                    let writer = program.instructions.firstIndex { $0.output == index } ?? 0
                    throw .notFinite(
                        instruction: writer,
                        row: rows.lowerBound + position / output.columnCount)
                }
                ofSequence.append(output)
            }
            results.append(ofSequence)
        }
        return results
    }

    /// Rows that sequences take in the memory of a batch: heads lie in panels of EDGEK_ROW_GRAIN.
    package func batchRows(_ sequences: [BatchSequence]) -> Int {
        sequences.reduce(0) { $0 + rounded($1.tokenIDs.count, up: Int(EDGEK_ROW_GRAIN)) }
    }

    /// The most rows of a batch: no more than one sequence of the model's length takes.
    package var maximumBatchRows: Int {
        rounded(maximumTokens, up: Int(EDGEK_ROW_GRAIN))
    }

    private func output(_ index: Int, _ rows: Range<Int>, in arena: AlignedBuffer) -> Output {
        let columns = program.values[index].columnCount
        let start =
            arena.floats(at: plan.locations[index].byteOffset) + rows.lowerBound * columns
        return Output(
            rowCount: rows.count, columnCount: columns,
            values: Array(UnsafeBufferPointer(start: start, count: rows.count * columns)))
    }

    private func check(tokenIDs: [Int32], typeIDs: [Int32]) throws(RuntimeError) {
        guard !tokenIDs.isEmpty else { throw .emptyInput }
        guard tokenIDs.count <= program.maximumTokens else {
            throw .tooManyTokens(count: tokenIDs.count, limit: program.maximumTokens)
        }
        for (position, id) in tokenIDs.enumerated() where id < 0 || id >= program.vocabularySize {
            throw .tokenOutOfRange(
                position: position, id: id, vocabularySize: program.vocabularySize)
        }
        guard typeIDs.isEmpty || typeIDs.count == tokenIDs.count else {
            throw .wrongTypeCount(expected: tokenIDs.count, found: typeIDs.count)
        }
        let types = max(1, program.typeCount)
        for (position, id) in typeIDs.enumerated() where id < 0 || id >= types {
            throw .typeOutOfRange(position: position, id: id, typeCount: program.typeCount)
        }
    }

    private func prepareArena(_ shape: BatchShape) throws(RuntimeError) -> AlignedBuffer {
        if plan.shape != shape {
            plan = ExecutionPlan(
                program, steps, shape, threadCount: pool.threadCount,
                kernels: instructionSet.kernels)
        }
        if let arena, arena.byteCount >= plan.byteCount { return arena }
        arena = nil
        let buffer = try AlignedBuffer(byteCount: plan.byteCount)
        arena = buffer
        return buffer
    }
}
