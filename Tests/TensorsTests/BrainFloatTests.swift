import Tensors
import Testing

@Suite struct BrainFloatTests {
    @Test func everyCodeSurvivesTheRoundTrip() {
        for code in UInt16.min...UInt16.max {
            let isNaN = code & 0x7FFF > 0x7F80
            let expected = isNaN ? code | 0x40 : code
            let found = BrainFloat.narrow(BrainFloat.widen(code))
            if found != expected {
                Issue.record("code \(code) became \(found)")
            }
        }
    }

    @Test func narrowingTakesTheNearestAndTheEvenOneOfTwo() {
        #expect(BrainFloat.narrow(Float(bitPattern: 0x3F80_7FFF)) == 0x3F80)
        #expect(BrainFloat.narrow(Float(bitPattern: 0x3F80_8000)) == 0x3F80)
        #expect(BrainFloat.narrow(Float(bitPattern: 0x3F80_8001)) == 0x3F81)
        #expect(BrainFloat.narrow(Float(bitPattern: 0x3F81_8000)) == 0x3F82)
        #expect(BrainFloat.narrow(.greatestFiniteMagnitude) == 0x7F80)
        #expect(BrainFloat.narrow(Float(bitPattern: 0x7F80_0001)) == 0x7FC0)
    }
}
