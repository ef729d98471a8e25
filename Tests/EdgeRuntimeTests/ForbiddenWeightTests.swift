import EdgeFormat
import EdgeRuntime
import Testing

/// Numbers that are stored faithfully and that the kernels could not compute with exactly.
@Suite struct ForbiddenWeightTests {
    private func load(_ change: (inout [Int8], inout [Float]) -> Void) throws {
        var random = RandomNumbers(seed: 71)
        var container = TestContainer()
        let input = container.input(random.floats(4 * 16), columns: 16)
        var codes = (0..<70 * 16).map { Int8($0 % 255 - 127) }
        var scales = (0..<70).map { 0.01 * Float($0) }
        change(&codes, &scales)
        let weight = container.add(codes: codes, scales: scales, [70, 16], rowsPerChunk: 64)
        let output = container.linear(container.quantize(input), weight: weight)
        container.setOutput(.hiddenState, output)
        _ = try Session(TestContainer.open(container.bytes()), options: SessionOptions())
    }

    @Test func allOtherNumbersAreTaken() throws {
        try load { _, _ in }
    }

    @Test func aCodeOfMinus128IsRefused() {
        #expect("row 65") {
            try load { codes, _ in codes[65 * 16 + 3] = -128 }
        } throws: { error in
            guard case RuntimeError.format(.forbiddenCode(_, row: 65)) = error else { return false }
            return true
        }
    }

    @Test(arguments: [-0.5, .nan, .infinity] as [Float])
    func aScaleThatIsNoneIsRefused(scale: Float) {
        #expect("row 7") {
            try load { _, scales in scales[7] = scale }
        } throws: { error in
            guard case RuntimeError.format(.forbiddenScale(_, row: 7)) = error else { return false }
            return true
        }
    }
}
