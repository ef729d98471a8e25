import EdgeFormat
import Testing

@testable import EdgeRuntime

/// What happens while weights are loaded.
@Suite struct LoadingTests {
    private func model() -> TestContainer {
        var random = RandomNumbers(seed: 72)
        var container = TestContainer()
        var value = container.input(random.floats(4 * 32), columns: 32)
        for rows in [32, 96, 64, 32] {
            let columns = container.program.values[value].columnCount
            let weight = container.addCodes(rows, columns, &random)
            value = container.linear(container.quantize(value), weight: weight)
        }
        container.setOutput(.hiddenState, value)
        return container
    }

    @Test(arguments: [1, 2, 5])
    func otherWorkIsDoneOnce(threads: Int) throws {
        var count = 0
        _ = try Session(
            model().open(), options: SessionOptions(threadCount: threads),
            alongside: { count += 1 })
        #expect(count == 1)
    }

    @Test func nothingIsDoneOverTheMemoryLimit() throws {
        var count = 0
        let container = try model().open()
        #expect(throws: RuntimeError.self) {
            try Session(
                container, options: SessionOptions(memoryLimit: 1), alongside: { count += 1 })
        }
        #expect(count == 0)
    }

    /// They are not loaded in the order of the instructions.
    @Test func matricesAreThoseOfTheirInstructions() throws {
        let container = model()
        try container.expectReference(
            of: container.program.values.count - 1, tolerance: 0, tokenIDs: container.rowIDs)
    }
}
