import Testing

@testable import Tensors

@Suite struct BLASKernelsTests {
    @Test func processorsThatTheLibraryDoesNotKnowGetTheKernelsTheyCanRun() {
        func kernels(_ loaded: String, chosen: String? = nil, bits: Int) -> String? {
            BLASKernels.replacement(for: loaded, chosen: chosen, vectorBits: bits)
        }
        #expect(kernels("Prescott", bits: 512) == "SkylakeX")
        #expect(kernels("Prescott", bits: 256) == "Haswell")
        // A processor as old as the kernels.
        #expect(kernels("Prescott", bits: 0) == nil)
        #expect(kernels("Zen", bits: 256) == nil)
        // Asked for; also what ends the second start.
        #expect(kernels("Prescott", chosen: "Prescott", bits: 512) == nil)
    }
}
