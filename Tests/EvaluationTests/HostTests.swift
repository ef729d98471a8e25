import Testing

@testable import Evaluation

@Suite struct HostTests {
    @Test func processorIsTheModelName() {
        #expect(
            Host.processor(cpuinfo: "processor\t: 0\nmodel name\t: Intel(R) N100\nModel : x\n")
                == "Intel(R) N100")
    }

    @Test func boardStandsForAProcessorWithoutName() {
        #expect(
            Host.processor(cpuinfo: "processor : 0\nCPU part : 0xd0b\n\nModel\t\t: Pi 5: rev 1\n")
                == "Pi 5: rev 1")
        #expect(Host.processor(cpuinfo: "processor : 0\nmodel name\n") == nil)
    }

    @Test func someProcessorIsUsable() {
        #expect(Host().usableProcessorCount >= 1)
    }
}
