import EdgeFormat
import EdgeRuntime
import Testing

@Suite struct MultiplyAccumulatesTests {
    @Test func productsAndAttentionAreCounted() throws {
        var random = RandomNumbers(seed: 80)
        var container = TestContainer()
        let input = container.input(random.floats(10 * 32), columns: 32)
        let weight = container.add(random.floats(24 * 32), [24, 32])
        let product = container.linear(input, weight: weight)
        container.setOutput(.hiddenState, product)
        var program = try container.open().directory.program
        let linear = try #require(program.instructions.last)
        #expect(linear.multiplyAccumulates(in: program, tokenCount: 7) == 7 * 24 * 32)
        #expect(program.multiplyAccumulates(tokenCount: 7) == 7 * 24 * 32)

        let attention = Instruction.attention(
            query: input, key: input, value: input, output: input,
            shape: AttentionShape(
                headCount: 4, keyValueHeadCount: 2, headSize: 8, valueSize: 5, scale: 1,
                isCausal: false, arithmetic: .int8))
        program.instructions.append(attention)
        #expect(
            attention.multiplyAccumulates(in: program, tokenCount: 7) == 7 * 7 * 4 * (8 + 5))
        #expect(
            program.multiplyAccumulates(tokenCount: 7) == 7 * 24 * 32 + 7 * 7 * 4 * (8 + 5))
    }

    /// A clock that is read by several threads changes no bit.
    @Test(arguments: [1, 3])
    func aClockChangesNothing(threads: Int) throws {
        let session = try RandomProgram(seed: 3).container.session(threads: threads)
        let program = session.container.directory.program
        let clock = InstructionClock(
            instructionCount: program.instructions.count, threadCount: threads)
        let ids = [Int32](repeating: 0, count: 90)
        let codes = OutputCode.allCases.filter { session.hasOutput($0) }
        let timed = try session.run(tokenIDs: ids, typeIDs: [], outputs: codes, clock: clock)
        #expect(try timed == session.run(tokenIDs: ids, typeIDs: [], outputs: codes))
        let total = program.instructions.indices.reduce(0) { $0 + clock.total(instruction: $1) }
        #expect(total > 0)
    }
}
