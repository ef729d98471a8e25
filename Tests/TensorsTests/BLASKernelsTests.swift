import Testing

@testable import Tensors

@Suite struct BLASKernelsTests {
    @Test func processorsThatTheLibraryDoesNotKnowGetTheKernelsTheyCanRun() {
        #expect(
            BLASKernels.replacement(for: "Prescott", chosen: nil, hasAVX2: true) == "Haswell")
        // A processor as old as the kernels.
        #expect(BLASKernels.replacement(for: "Prescott", chosen: nil, hasAVX2: false) == nil)
        #expect(BLASKernels.replacement(for: "Zen", chosen: nil, hasAVX2: true) == nil)
        // Asked for; also what ends the second start.
        #expect(BLASKernels.replacement(for: "Prescott", chosen: "Prescott", hasAVX2: true) == nil)
    }
}
