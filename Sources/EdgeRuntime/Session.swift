import CEdgeKernels
import CEdgePlatform
package import EdgeFormat

/// How a session runs.
package struct SessionOptions {
    package var instructionSet: InstructionSet
    package var threadCount: Int
    /// Upper bound for the memory of the session in bytes, or nil.
    package var memoryLimit: Int?
    /// The most tokens of an input, or of a prompt with what follows it, that memory has to be there
    /// for; nil for as many as the model takes.
    package var tokenLimit: Int?

    package init(
        instructionSet: InstructionSet = .fastest, threadCount: Int = 1, memoryLimit: Int? = nil,
        tokenLimit: Int? = nil
    ) {
        self.instructionSet = instructionSet
        self.threadCount = threadCount
        self.memoryLimit = memoryLimit
        self.tokenLimit = tokenLimit
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
    /// For each instruction the packed weights that are read next after it, or nil.
    let upcomingWeights: [UnsafeRawPointer?]
    private var arena: AlignedBuffer?
    /// What was run before, by what was asked for; the last one first.
    private var prepared: [(steps: StepList, plan: ExecutionPlan)] = []

    /// Loads the weights of a container.
    ///
    /// - Parameter work: What one of the threads does besides, unless the weights are over the memory
    ///   limit.
    package init(
        _ container: Container, options: SessionOptions, alongside work: () -> Void = {}
    ) throws(RuntimeError) {
        // The need for memory grows with the number of threads, and must not overflow.
        guard ThreadPool.threadCounts.contains(options.threadCount) else {
            throw .threads(count: options.threadCount)
        }
        self.container = container
        instructionSet = options.instructionSet
        program = container.directory.program
        if let limit = options.memoryLimit {
            let need = MemoryNeed(
                container.directory,
                tokenCount: min(program.maximumTokens, options.tokenLimit ?? .max),
                threadCount: options.threadCount, instructionSet: options.instructionSet)
            guard need.total <= limit else {
                throw .overMemoryLimit(needed: need.total, limit: limit)
            }
        }
        pool = try ThreadPool(threadCount: options.threadCount)
        weights = try Weights(
            container, kernels: options.instructionSet.kernels, pool: pool, alongside: work)
        upcomingWeights = weights.upcoming(in: program)
    }

    package var maximumTokens: Int { program.maximumTokens }

    /// Tokens of a prompt that are computed together: enough that reading the weights costs little,
    /// few enough that the memory for activations does not grow with the prompt.
    static let promptPart = 512

    package var threadCount: Int { pool.threadCount }

    /// Whether the model makes texts longer, token by token.
    package var generates: Bool { program.generates }

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
        return try run(sequences, extending: [], outputs: outputs, clock: clock)
    }

    /// Runs the program for the next tokens of sequences and adds them to the caches of these.
    ///
    /// The outputs of the new tokens have the bits that they have when the whole sequences are run.
    /// With no outputs, only the caches are filled.
    ///
    /// - Throws: besides what is wrong with the input, `noSuchOutput` if later tokens take part in
    ///   what the program computes of earlier ones, and `tooManyTokens` if a cache is full. After an
    ///   error the caches are empty.
    package func extend(
        _ caches: [KeyValueCache], by tokenIDs: [[Int32]], outputs: [OutputCode],
        clock: InstructionClock? = nil
    ) throws(RuntimeError) -> [[Output]] {
        precondition(caches.count == tokenIDs.count, "one cache for each sequence")
        guard program.canBeExtended else { throw .noSuchOutput }
        let sequences = tokenIDs.map { BatchSequence(tokenIDs: $0) }
        for (sequence, cache) in zip(sequences, caches) {
            try check(tokenIDs: sequence.tokenIDs, typeIDs: [])
            let count = cache.tokenCount + sequence.tokenIDs.count
            guard count <= cache.capacity else {
                throw .tooManyTokens(count: count, limit: cache.capacity)
            }
        }
        do {
            let results = try run(sequences, extending: caches, outputs: outputs, clock: clock)
            for (sequence, cache) in zip(sequences, caches) {
                cache.tokenCount += sequence.tokenIDs.count
            }
            return results
        } catch {
            for cache in caches { cache.clear() }
            throw error
        }
    }

    /// Adds tokens to the cache of a text, part by part, without an output.
    package func fill(
        _ cache: KeyValueCache, with tokenIDs: ArraySlice<Int32>
    ) throws(RuntimeError) {
        var rest = tokenIDs
        while !rest.isEmpty {
            let part = rest.prefix(Self.promptPart)
            _ = try extend([cache], by: [Array(part)], outputs: [])
            rest = rest.dropFirst(part.count)
        }
    }

    private func run(
        _ sequences: [BatchSequence], extending caches: [KeyValueCache], outputs: [OutputCode],
        clock: InstructionClock?
    ) throws(RuntimeError) -> [[Output]] {
        for code in outputs where program.output(code) == nil { throw .noSuchOutput }
        let shape = BatchShape(sequences.map { $0.tokenIDs.count })
        let (arena, steps, plan) = try prepare(
            shape, outputs: outputs, isExtending: !caches.isEmpty)
        let interpreter = Interpreter(
            session: self, arena: arena, steps: steps, plan: plan, sequences: sequences,
            caches: caches, kernels: instructionSet.kernels, clock: clock)
        try interpreter.run()
        var results: [[Output]] = []
        for sequence in sequences.indices {
            var ofSequence: [Output] = []
            for code in outputs {
                guard let index = program.output(code) else { throw .noSuchOutput }
                let rows = shape.rows(of: sequence, program.values[index].fixedRows)
                let output = self.output(index, rows, in: arena, plan)
                if let position = Self.firstNotFinite(output.values) {
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

    private func output(
        _ index: Int, _ rows: Range<Int>, in arena: AlignedBuffer, _ plan: ExecutionPlan
    ) -> Output {
        let columns = program.values[index].columnCount
        let start =
            arena.floats(at: plan.locations[index].byteOffset) + rows.lowerBound * columns
        return Output(
            rowCount: rows.count, columnCount: columns,
            values: Array(UnsafeBufferPointer(start: start, count: rows.count * columns)))
    }

    private static func firstNotFinite(_ values: [Float]) -> Int? {
        values.withUnsafeBufferPointer { values in
            for position in values.indices where !values[position].isFinite { return position }
            return nil
        }
    }

    func check(tokenIDs: [Int32], typeIDs: [Int32]) throws(RuntimeError) {
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

    /// How the last batch was executed.
    var lastPlan: ExecutionPlan? { prepared.first?.plan }

    /// Steps and plan for a batch, with memory for its values.
    private func prepare(
        _ shape: BatchShape, outputs: [OutputCode], isExtending: Bool
    ) throws(RuntimeError) -> (AlignedBuffer, StepList, ExecutionPlan) {
        // A decoder alternates between two: parts of a prompt, and tokens one by one.
        let maximumCount = 4
        let found = prepared.firstIndex {
            $0.steps.outputs == outputs && $0.steps.isExtending == isExtending
                && $0.plan.shape == shape
        }
        let current: (steps: StepList, plan: ExecutionPlan)
        if let found {
            current = prepared[found]
            if found > 0 {
                prepared.remove(at: found)
                prepared.insert(current, at: 0)
            }
        } else {
            let known = prepared.first {
                $0.steps.outputs == outputs && $0.steps.isExtending == isExtending
            }
            let steps =
                known?.steps ?? StepList(program, outputs: outputs, isExtending: isExtending)
            let plan = ExecutionPlan(
                program, steps, shape, threadCount: pool.threadCount,
                kernels: instructionSet.kernels)
            current = (steps, plan)
            if prepared.count >= maximumCount { prepared.removeLast() }
            prepared.insert(current, at: 0)
        }
        let needed = current.plan.byteCount
        if let arena, arena.byteCount >= needed { return (arena, current.steps, current.plan) }
        arena = nil
        let buffer = try AlignedBuffer(byteCount: needed)
        arena = buffer
        return (buffer, current.steps, current.plan)
    }
}
