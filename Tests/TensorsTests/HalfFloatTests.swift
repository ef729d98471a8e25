import Tensors
import Testing

@Suite struct HalfFloatTests {
    @Test func wideningEqualsTheHardwareTypeForEveryCode() {
        for code in UInt16.min...UInt16.max {
            let expected = Float(Float16(bitPattern: code))
            let found = HalfFloat.widen(code)
            if expected.isNaN {
                #expect(found.isNaN, "code \(code)")
            } else if found.bitPattern != expected.bitPattern {
                Issue.record("code \(code): \(found) instead of \(expected)")
            }
        }
    }

    @Test func narrowingRestoresEveryCode() {
        for code in UInt16.min...UInt16.max {
            let isNaN = code & 0x7FFF > 0x7C00
            let expected = isNaN ? code | 0x0200 : code
            let found = HalfFloat.narrow(HalfFloat.widen(code))
            if found != expected {
                Issue.record("code \(code) became \(found)")
            }
        }
    }

    @Test func narrowingRoundsLikeTheHardwareType() {
        // Every half-way point between neighbours, and the floats next to it.
        for code in 0..<UInt16(0x7C00) {
            let low = HalfFloat.widen(code)
            let high = code == 0x7BFF ? 65536 : HalfFloat.widen(code + 1)
            let middle = (low + high) / 2
            for value in [middle.nextDown, middle, middle.nextUp] {
                for signed in [value, -value] where narrowsWrongly(signed) {
                    Issue.record("\(signed) became \(HalfFloat.narrow(signed))")
                }
            }
        }
        for value: Float in [65504, 65519.996, 65520, 1e30, .infinity, 0, 1e-30, 0x1p-149] {
            #expect(!narrowsWrongly(value) && !narrowsWrongly(-value), "\(value)")
        }
        #expect(HalfFloat.narrow(.nan) & 0x7FFF > 0x7C00)
    }

    private func narrowsWrongly(_ value: Float) -> Bool {
        HalfFloat.narrow(value) != Float16(value).bitPattern
    }
}
