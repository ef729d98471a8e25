import EdgeFormat
import Testing

@testable import Packaging

@Suite struct SlotAllocatorTests {
    @Test(arguments: 0..<200)
    func valuesAliveTogetherNeverShareASlot(seed: Int) {
        var generator = SplitMix64(state: UInt64(seed))
        var (values, instructions, outputs) = Self.program(using: &generator)
        let sizes = SlotAllocator.assign(
            values: &values, instructions: instructions, outputs: outputs)

        // By brute force: when each value is needed, and what else is at that time.
        let lifetimes = values.indices.map { value -> ClosedRange<Int> in
            let writer = instructions.firstIndex { $0.output == value } ?? 0
            let lastReader = instructions.lastIndex { $0.inputs.contains(value) } ?? writer
            let isOutput = outputs.contains { $0.value == value }
            return writer...(isOutput ? instructions.count : lastReader)
        }
        for first in values.indices {
            for second in values.indices where first < second {
                let overlap = lifetimes[first].overlaps(lifetimes[second])
                #expect(
                    !overlap || values[first].slot != values[second].slot,
                    "values \(first) and \(second)")
            }
        }
        for value in values {
            #expect(sizes.indices.contains(value.slot))
            #expect(sizes[value.slot].covers(SlotAllocator.size(of: value)))
        }
    }

    @Test func aChainNeedsTwoSlots() {
        var values = (0..<10).map { _ in
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 16, slot: 0)
        }
        let instructions =
            [Instruction.embed(output: 0, terms: [])]
            + (1..<10).map { .activate(input: $0 - 1, output: $0, activation: .relu) }
        let sizes = SlotAllocator.assign(
            values: &values, instructions: instructions,
            outputs: [ProgramOutput(code: .hiddenState, value: 9)])
        #expect(sizes.count == 2)
        #expect(sizes.allSatisfy { $0.perToken == 64 && $0.fixed == 0 })
    }

    /// A random program in which every value is written once and before it is read.
    private static func program(
        using generator: inout SplitMix64
    ) -> ([ProgramValue], [Instruction], [ProgramOutput]) {
        let count = Int.random(in: 1...24, using: &generator)
        var values: [ProgramValue] = []
        var instructions: [Instruction] = []
        for output in 0..<count {
            values.append(
                ProgramValue(
                    kind: Bool.random(using: &generator) ? .floats : .codes,
                    fixedRows: Bool.random(using: &generator)
                        ? nil : Int.random(in: 1...3, using: &generator),
                    columnCount: Int.random(in: 0...200, using: &generator), slot: 0))
            let inputs = (0..<3).map { _ in Int.random(in: 0..<max(1, output), using: &generator) }
            switch output == 0 ? 0 : Int.random(in: 0..<4, using: &generator) {
            case 0: instructions.append(.embed(output: output, terms: []))
            case 1:
                instructions.append(
                    .activate(input: inputs[0], output: output, activation: .none))
            case 2: instructions.append(.add(left: inputs[0], right: inputs[1], output: output))
            default:
                instructions.append(
                    .attention(
                        query: inputs[0], key: inputs[1], value: inputs[2], output: output,
                        shape: AttentionShape(
                            headCount: 1, keyValueHeadCount: 1, headSize: 1, valueSize: 1,
                            scale: 1, isCausal: false, arithmetic: .float)))
            }
        }
        let outputs = OutputCode.allCases.filter { _ in Bool.random(using: &generator) }
            .map { ProgramOutput(code: $0, value: Int.random(in: 0..<count, using: &generator)) }
        return (values, instructions, outputs)
    }
}

/// The generator of Steele, Lea and Flood (2014), so that failures can be repeated.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
