import EdgeFormat
import Testing

@testable import EdgeRuntime

@Suite struct MemoryNeedTests {
    /// Bytes of the weights that a session holds, without those of its tables.
    private func weightBytes(_ session: Session) -> Int {
        var total = 0
        for vector in session.weights.vectors { total += vector?.byteCount ?? 0 }
        for case .codes(_, _, let scales, _)? in session.weights.linear {
            total += scales.byteCount
        }
        return total + session.weights.pages.byteCount
    }

    /// Bytes of the scales that the tables of a session hold.
    private func tableScaleBytes(_ session: Session) -> Int {
        var total = 0
        for (index, table) in session.weights.tables.enumerated() where table != nil {
            let tensors = session.container.directory.tensors
            if let scales = tensors[index].scales { total += tensors[scales].rawByteCount }
        }
        return total
    }

    private func need(_ session: Session, threads: Int, tokens: Int) -> MemoryNeed {
        MemoryNeed(
            session.container.directory, tokenCount: tokens, threadCount: threads,
            instructionSet: session.instructionSet)
    }

    @Test(arguments: 0..<8)
    func theNeedForWeightsIsWhatTheyTake(seed: UInt64) throws {
        for set in InstructionSet.all where set.isSupported {
            let session = try RandomProgram(seed: seed).container.session(set)
            let mapped = session.weights.linear.indices.reduce(0) { sum, index in
                guard case .mappedFloats? = session.weights.linear[index] else { return sum }
                return sum + session.container.directory.tensors[index].rawByteCount
            }
            let taken = weightBytes(session) + tableScaleBytes(session) + mapped
            let declared = need(session, threads: 1, tokens: 1).weights
            // Every buffer ends at a multiple of 64.
            let buffers = session.container.directory.tensors.count
            #expect(taken <= declared && declared - taken < 64 * buffers)
        }
    }

    @Test func theNeedForActivationsIsThatOfThePlan() throws {
        for threads in [1, 3] {
            let session = try RandomProgram(seed: 4).container.session(threads: threads)
            for tokens in [1, 7, 150] {
                var most = 0
                for output in session.program.outputs {
                    _ = try session.run(
                        tokenIDs: [Int32](repeating: 0, count: tokens), typeIDs: [],
                        outputs: [output.code])
                    let plan = try #require(session.lastPlan)
                    // A batch of short sequences may need more than one long sequence.
                    let batch = ExecutionPlan(
                        session.program, StepList(session.program, outputs: [output.code]),
                        BatchShape(
                            [Int](repeating: min(16, tokens), count: (tokens + 15) / 16)),
                        threadCount: threads, kernels: session.instructionSet.kernels)
                    most = max(most, plan.byteCount, batch.byteCount)
                    #expect(plan.scratchOffset % 64 == 0 && plan.kernelScratchOffset % 64 == 0)
                    #expect(plan.scratchBytesPerThread % 64 == 0)
                    #expect(
                        plan.byteCount
                            == plan.scratchOffset + threads * plan.scratchBytesPerThread)
                }
                #expect(need(session, threads: threads, tokens: tokens).activations == most)
            }
        }
    }

    @Test func theNeedOfAWholeModelIsTheSumOfItsParts() throws {
        var random = RandomNumbers(seed: 5)
        var container = TestContainer()
        let input = container.input(random.floats(10 * 32), columns: 32)
        let weight = container.add(random.floats(64 * 32), [64, 32], as: .f16)
        let bias = container.add(random.floats(64), [64])
        let output = container.linear(input, weight: weight, bias: bias)
        container.setOutput(.hiddenState, output)
        let need = MemoryNeed(
            try container.open().directory, tokenCount: 10, threadCount: 2,
            instructionSet: .fastest)
        // Halves are widened; a raw table stays in the file.
        #expect(need.weights == 64 * 32 * 4 + 64 * 4)
        #expect(need.tableCache == 0)
        #expect(need.activations == 10 * 32 * 4 + 10 * 64 * 4 + 2 * 128)
        // No table is compressed, but they share a decoder; loading takes one for each thread, with
        // room for the largest chunk.
        #expect(need.loading >= 2 * (need.decoder + 64 * 32 * 2))
        #expect(
            need.total
                == need.weights + need.decoder
                + max(need.loading, need.tableCache + need.activations))
    }

    @Test func theCacheOfATableHasABound() throws {
        var container = TestContainer()
        let columns = 1_024
        let table = container.add(
            codes: [Int8](repeating: 3, count: 4_096 * columns),
            scales: [Float](repeating: 1, count: 4_096), [4_096, columns], rowsPerChunk: 48)
        container.program.vocabularySize = 4_096
        let output = container.value(columns)
        container.program.instructions.append(
            .embed(
                output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        container.setOutput(.hiddenState, output)
        let need = MemoryNeed(
            try container.open().directory, tokenCount: 1, threadCount: 1,
            instructionSet: .fastest)
        // 2 MiB of rows with an index each, and one decoded chunk.
        #expect(need.tableCache == (2 << 20) + (2 << 20) / columns * 4 + 48 * columns)
        #expect(need.weights == 4_096 * 4)
    }

    /// A table that is also the weight of the last product.
    private func tiedModel(isQuantized: Bool) -> TestContainer {
        var random = RandomNumbers(seed: 6)
        var container = TestContainer()
        container.program.vocabularySize = 100
        let table =
            isQuantized
            ? container.addCodes(100, 64, &random)
            : container.add(random.floats(100 * 64), [100, 64], as: .f16)
        let input = container.value(64)
        container.program.instructions.append(
            .embed(
                output: input, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        let source = isQuantized ? container.quantize(input) : input
        let output = container.linear(source, weight: table)
        container.setOutput(.logits, output)
        return container
    }

    @Test(arguments: [false, true])
    func aTableThatIsAlsoAWeightCountsAsBoth(isQuantized: Bool) throws {
        let container = tiedModel(isQuantized: isQuantized)
        let session = try container.session()
        let declared = need(session, threads: 1, tokens: 1).weights
        let taken = weightBytes(session) + tableScaleBytes(session)
        #expect(taken <= declared && declared - taken < 64 * 4)
        try container.expectReference(
            of: container.program.values.count - 1, tolerance: isQuantized ? 0 : 3e-5,
            tokenIDs: [0, 99, 50])
    }

    @Test func aLimitIsCheckedBeforeAnythingIsLoaded() throws {
        var container = TestContainer()
        var random = RandomNumbers(seed: 7)
        let input = container.input(random.floats(10 * 32), columns: 32)
        let weight = container.addCodes(64, 32, &random)
        container.setOutput(
            .hiddenState, container.linear(container.quantize(input), weight: weight))
        // A weight that cannot be loaded shows whether loading was tried.
        var bytes = container.bytes()
        let chunk = container.chunks[container.tensors[weight].firstChunk]
        bytes[chunk.offset] ^= 1
        let damaged = try TestContainer.open(bytes)
        let needed = MemoryNeed(
            damaged.directory, tokenCount: container.program.maximumTokens, threadCount: 1,
            instructionSet: .fastest
        ).total
        for limit in [0, 1, needed - 1] {
            #expect(throws: RuntimeError.overMemoryLimit(needed: needed, limit: limit)) {
                try Session(damaged, options: SessionOptions(memoryLimit: limit))
            }
        }
        #expect {
            try Session(damaged, options: SessionOptions(memoryLimit: needed))
        } throws: { error in
            guard case RuntimeError.format(.chunkDamaged) = error else { return false }
            return true
        }
        let session = try Session(
            container.open(), options: SessionOptions(memoryLimit: needed))
        #expect(throws: Never.self) {
            try session.run(tokenIDs: container.rowIDs, typeIDs: [], outputs: [.hiddenState])
        }
    }

    /// A program of a few bytes whose values are as large as the format allows.
    @Test func hugeValuesAreAnError() throws {
        var container = TestContainer()
        let input = container.input([], columns: 0, count: 1)
        container.program.maximumTokens = 1 << 24
        let weight = container.add([], [1 << 24, 0])
        container.setOutput(.hiddenState, container.linear(input, weight: weight))
        let opened = try container.open()
        #expect {
            try Session(opened, options: SessionOptions(threadCount: 1_024, memoryLimit: 1 << 40))
        } throws: { error in
            guard case RuntimeError.overMemoryLimit(let needed, 1_099_511_627_776) = error else {
                return false
            }
            return needed > 1 << 50
        }
        let session = try Session(opened, options: SessionOptions())
        let ids = [Int32](repeating: 0, count: 1 << 24)
        #expect {
            try session.run(tokenIDs: ids, typeIDs: [], outputs: [.hiddenState])
        } throws: { error in
            guard case RuntimeError.outOfMemory(let byteCount) = error else { return false }
            return byteCount > 1 << 50
        }
        #expect(throws: Never.self) {
            try session.run(tokenIDs: [0], typeIDs: [], outputs: [])
        }
    }
}
