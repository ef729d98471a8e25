import EdgeFormat
import Testing

@testable import EdgeRuntime

@Suite struct ExecutionPlanTests {
    private func plans() throws -> [(Session, ExecutionPlan)] {
        var plans: [(Session, ExecutionPlan)] = []
        for seed in 0..<6 as Range<UInt64> {
            for threads in [1, 2, 3, 8] {
                let session = try RandomProgram(seed: seed).container.session(threads: threads)
                for tokens in [1, 3, 8, 17, 31, 32, 33, 48, 64, 90, 150] {
                    plans.append(
                        (
                            session,
                            ExecutionPlan(
                                session.program, session.steps, BatchShape([tokens]),
                                threadCount: threads, kernels: session.instructionSet.kernels)
                        ))
                }
                for lengths in [[1, 1], [5, 40, 3], [16, 16, 16], [33, 1, 70, 2]] {
                    plans.append(
                        (
                            session,
                            ExecutionPlan(
                                session.program, session.steps, BatchShape(lengths),
                                threadCount: threads, kernels: session.instructionSet.kernels)
                        ))
                }
            }
        }
        return plans
    }

    @Test func everyStepIsInOneStageInOrder() throws {
        for (session, plan) in try plans() {
            #expect(plan.stages.flatMap { Array($0.steps) } == Array(session.steps.steps.indices))
            let outputs = session.program.outputs.map(\.code)
            let needed = session.program.instructions(neededFor: outputs)
            #expect(
                Set(session.steps.steps.map(\.instruction))
                    == Set(needed.indices.filter { needed[$0] }))
        }
    }

    @Test func blocksCoverAllRowsOnce() throws {
        for (session, plan) in try plans() {
            for stage in plan.stages {
                guard case .blocks(let blocks) = stage.work else { continue }
                let step = session.steps.steps[stage.steps.lowerBound]
                let output = session.steps.output(of: step, in: session.program)
                let rows = plan.shape.rowCount(session.steps.objects[output].fixedRows)
                #expect(blocks.flatMap { Array($0) } == Array(0..<rows))
                #expect(blocks.allSatisfy { 1...ExecutionPlan.blockRows ~= $0.count })
            }
        }
    }

    @Test func headsArePackedWhereBlocksStartAtTheGrain() throws {
        for (session, plan) in try plans() {
            for stage in plan.stages {
                guard case .blocks(let blocks) = stage.work,
                    stage.steps.contains(where: {
                        if case .packHeads = session.steps.steps[$0] { true } else { false }
                    })
                else { continue }
                for block in blocks {
                    let sequence = plan.shape.starts.lastIndex { $0 <= block.lowerBound }!
                    #expect((block.lowerBound - plan.shape.starts[sequence]) % 16 == 0)
                }
            }
        }
    }

    /// What lives in the memory of one thread is gone when the block is done.
    @Test func localValuesAreUsedInOneStageOnly() throws {
        for (session, plan) in try plans() {
            for (object, location) in plan.locations.enumerated() where location.isLocal {
                let users = plan.stages.indices.filter { stage in
                    plan.stages[stage].steps.contains { step in
                        let step = session.steps.steps[step]
                        return session.steps.inputs(of: step, in: session.program)
                            .contains(object)
                            || session.steps.output(of: step, in: session.program) == object
                    }
                }
                #expect(users.count == 1)
                #expect(!session.program.outputs.contains { $0.value == object })
                guard case .blocks(let blocks) = plan.stages[users[0]].work else {
                    Issue.record("a local value of a stage without blocks")
                    continue
                }
                #expect(location.rowCapacity == blocks.map(\.count).max())
            }
        }
    }

    /// Keys and values that no other step reads live for one block only, also where the query has
    /// rows of its own and comes after them.
    @Test(arguments: [false, true])
    func headsArePackedInTheStageThatMakesThem(hasOneQuery: Bool) throws {
        var random = RandomNumbers(seed: 71)
        var container = TestContainer()
        let input = container.input(random.floats(90 * 32), columns: 32)
        let codes = container.quantize(input)
        let operands = [0, 1].map { _ in
            container.linear(codes, weight: container.addCodes(32, 32, &random))
        }
        let source =
            hasOneQuery ? container.quantize(container.pool(input, .firstRow)) : codes
        let query = container.linear(source, weight: container.addCodes(32, 32, &random))
        container.setOutput(
            .hiddenState,
            container.attention(
                query, operands[0], operands[1],
                AttentionShape(
                    headCount: 4, keyValueHeadCount: 4, headSize: 8, valueSize: 8, scale: 0.5,
                    isCausal: false, arithmetic: .int8)))
        let session = try container.session()
        let plan = ExecutionPlan(
            session.program, session.steps, BatchShape([90]), threadCount: 1,
            kernels: session.instructionSet.kernels)
        for operand in operands + [query] { #expect(plan.locations[operand].isLocal) }
    }

    /// Of few rows only large products are split, by columns; the rest is left to one thread.
    @Test func fewRowsAreSplitByColumnsWhereThatPays() throws {
        for (columns, isSplit) in [(64, false), (1024, true)] {
            var random = RandomNumbers(seed: 70)
            var container = TestContainer()
            let input = container.input(random.floats(3 * 1024), columns: 1024)
            let codes = container.quantize(input)
            let weight = container.addCodes(columns, 1024, &random)
            container.setOutput(.hiddenState, container.linear(codes, weight: weight))
            let session = try container.session(threads: 4)
            let plan = ExecutionPlan(
                session.program, session.steps, BatchShape([3]), threadCount: 4,
                kernels: session.instructionSet.kernels)
            let isByColumns = plan.stages.contains {
                if case .columns = $0.work { true } else { false }
            }
            #expect(isByColumns == isSplit)
            let ids: [Int32] = [0, 1, 2]
            let alone = try container.session(threads: 1)
            #expect(
                try session.run(tokenIDs: ids, typeIDs: [], outputs: [.hiddenState])
                    == alone.run(tokenIDs: ids, typeIDs: [], outputs: [.hiddenState]))
        }
    }

    @Test func moreThreadsDoNotMakeTheLongestShareLonger() throws {
        let session = try RandomProgram(seed: 2).container.session(threads: 1)
        for tokens in 1...200 {
            var previous = Int.max
            for threads in 1...8 {
                let plan = ExecutionPlan(
                    session.program, session.steps, BatchShape([tokens]), threadCount: threads,
                    kernels: session.instructionSet.kernels)
                var longest = 0
                for stage in plan.stages {
                    guard case .blocks(let blocks) = stage.work, blocks.last?.upperBound == tokens
                    else { continue }
                    let turns = (blocks.count + threads - 1) / threads
                    longest = max(longest, turns * blocks[0].count)
                }
                guard longest > 0 else { continue }
                #expect(longest <= max(32, previous), "\(tokens) tokens, \(threads) threads")
                previous = longest
            }
        }
    }
}
