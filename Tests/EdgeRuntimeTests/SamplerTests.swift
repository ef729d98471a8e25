import Testing

@testable import EdgeRuntime

@Suite struct SamplerTests {
    private func token(_ logits: [Float], temperature: Float, topP: Float) -> Int {
        var sampler = Sampler(
            SamplingOptions(temperature: temperature, topP: topP, seed: 3),
            instructionSet: .fastest)
        return Int(sampler.next(logits: logits, history: []))
    }

    @Test func nothingButTheBestTokenIsLeftWithATopPOfZero() {
        for count in 1...400 {
            for distance: Float in [0, 1e-7, 3e-7, 0.5] {
                let logits = (0..<count).map { Float($0 * 7 % 5) * distance }
                let found = logits[token(logits, temperature: 1, topP: 0)]
                let best = logits.reduce(0) { max($0, $1) }
                #expect(found >= best - 2e-6, "\(count) tokens, \(distance) apart")
            }
        }
    }

    @Test(arguments: [1, 0.9, 0] as [Float])
    func temperaturesThatLeaveNoFloatsTakeTheBestToken(topP: Float) {
        let logits: [Float] = [-3, 2, 7, 5, -1]
        for temperature in [Float.leastNormalMagnitude, 0x1p-130, .leastNonzeroMagnitude] {
            #expect(token(logits, temperature: temperature, topP: topP) == 2)
        }
        // All of them below zero.
        let negative = logits.map { $0 - 8 }
        #expect(token(negative, temperature: 0x1p-130, topP: topP) == 2)
    }
}
