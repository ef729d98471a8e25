import CEdgePlatform
import Testing

/// The files of the machines below are the kernel's: one capacity for each processor, 1024 for the
/// fastest.
@Suite("Fast processors")
struct FastProcessorTests {
    /// A folder like /sys, with the capacities of the processors in order, nil where a file is
    /// missing, and the lists of the types of cores.
    private func sysfs(
        capacities: [String?] = [], coreTypes: [String: String] = [:]
    ) -> TemporaryFolder {
        let folder = TemporaryFolder()
        for (number, capacity) in capacities.enumerated() {
            guard let capacity else { continue }
            folder.file(
                "devices/system/cpu/cpu\(number)/cpu_capacity", Array("\(capacity)\n".utf8))
        }
        for (name, list) in coreTypes {
            folder.file("devices/\(name)/cpus", Array(list.utf8))
        }
        return folder
    }

    private func fast(
        _ allowed: some Sequence<Int>, _ folder: TemporaryFolder
    ) -> [Int] {
        ProcessorSet(allowed).fast(sysfs: folder.path).numbers
    }

    @Test("of big and little cores the big ones are fast")
    func bigLittle() {
        let folder = sysfs(capacities: ["398", "398", "398", "398", "1024", "1024", "1007", "1007"])
        #expect(fast(0..<8, folder) == [4, 5, 6, 7])
    }

    @Test("prime and big cores are fast, little ones are not")
    func primeBigLittle() {
        let folder = sysfs(capacities: ["350", "350", "350", "350", "900", "900", "900", "1024"])
        #expect(fast(0..<8, folder) == [4, 5, 6, 7])
    }

    @Test("a processor counts from 60 % of the largest capacity on")
    func threshold() {
        #expect(fast(0..<3, sysfs(capacities: ["614", "615", "1024"])) == [1, 2])
        #expect(fast(0..<3, sysfs(capacities: ["299", "300", "500"])) == [1, 2])
    }

    @Test("what the process may not use does not count, also as the largest")
    func allowedOnly() {
        let folder = sysfs(capacities: ["350", "350", "350", "350", "900", "900", "900", "1024"])
        #expect(fast(0..<4, folder) == [0, 1, 2, 3])
        #expect(fast([1, 3, 5], folder) == [5])
        #expect(fast([0, 7], folder) == [7])
        #expect(fast([2], folder) == [2])
    }

    @Test("equal processors are all fast, with and without files")
    func equalProcessors() {
        #expect(fast(0..<4, sysfs()) == [0, 1, 2, 3])
        #expect(fast(0..<2, sysfs(capacities: ["1024", "1024"])) == [0, 1])
        #expect(fast([0, 3, 200], sysfs()) == [0, 3, 200])
    }

    @Test("hybrid x86: the cores that are counted as cpu_core are fast")
    func hybrid() {
        let types = ["cpu_core": "0-5,8\n", "cpu_atom": "6-7,9-11\n"]
        #expect(fast(0..<12, sysfs(coreTypes: types)) == [0, 1, 2, 3, 4, 5, 8])
        #expect(fast([4, 8, 9], sysfs(coreTypes: types)) == [4, 8])
        #expect(fast([6, 9], sysfs(coreTypes: types)) == [6, 9])
        // A kernel may give all the same capacity, or different ones, which say more.
        let same = [String](repeating: "1024", count: 12)
        #expect(
            fast(0..<12, sysfs(capacities: same, coreTypes: types)) == [0, 1, 2, 3, 4, 5, 8])
        let different = same.prefix(6) + ["700", "700", "1024", "500", "500", "500"]
        #expect(
            fast(0..<12, sysfs(capacities: Array(different), coreTypes: types))
                == [0, 1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test(
        "capacities that cannot be read are no reason to leave a processor out",
        arguments: [nil, "", "x", "-350", "0"])
    func unreadableCapacities(text: String?) {
        #expect(fast(0..<3, sysfs(capacities: ["1024", text, "350"])) == [0, 1, 2])
        #expect(fast(0..<3, sysfs(capacities: [text, "350", "1024"])) == [0, 1, 2])
    }

    @Test(
        "lists that cannot be read are no reason to leave a processor out",
        arguments: ["", "\n", "x", "1-", "3-1", "-2", "1-x", "0,x", "90-99", "16384-99999999"])
    func unreadableLists(list: String) {
        #expect(fast(0..<3, sysfs(coreTypes: ["cpu_core": list])) == [0, 1, 2])
    }

    @Test("a list may name more processors than there can be")
    func longLists() {
        #expect(
            fast(0..<3, sysfs(coreTypes: ["cpu_core": "1-9223372036854775807"])) == [1, 2])
        #expect(fast([0, 16383], sysfs(coreTypes: ["cpu_core": "16383,0\n"])) == [0, 16383])
    }

    @Test("threads stay on the fast processors where these suffice and others exist")
    func homes() {
        let folder = sysfs(capacities: ["350", "350", "900", "1024"])
        let all = ProcessorSet(0..<4)
        for count in [1, 2] as [Int32] {
            #expect(all.home(threadCount: count, sysfs: folder.path) == ProcessorSet([2, 3]))
        }
        for count in [3, 4, 1024] as [Int32] {
            #expect(all.home(threadCount: count, sysfs: folder.path) == nil)
        }
        #expect(ProcessorSet([2, 3]).home(threadCount: 1, sysfs: folder.path) == nil)
        #expect(ProcessorSet([0, 1]).home(threadCount: 1, sysfs: folder.path) == nil)
        #expect(all.home(threadCount: 2, sysfs: sysfs().path) == nil)
    }

    @Test("some are fast, and no more than may be used")
    func thisMachine() {
        let count = edgep_fast_processor_count()
        #expect(count >= 1)
        #expect(count <= edgep_usable_processor_count())
    }

    @Test("a thread that stays on the fast processors stays there")
    func staying() {
        let before = ProcessorSet.allowed
        edgep_stay_on_fast_processors(1)
        let after = ProcessorSet.allowed
        #expect(before.keepThisThread())
        #expect(ProcessorSet.allowed == before)
        #expect(after == before.fast(sysfs: "/sys"))
    }
}
