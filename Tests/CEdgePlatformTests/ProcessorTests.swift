import CEdgePlatform
import Glibc
import Testing

// The rules of quotas; their header is private to the library.

@_silgen_name("edgep_quota_v2")
private func quotaV2(_ cpuMax: UnsafePointer<CChar>) -> Int32

@_silgen_name("edgep_quota_v1")
private func quotaV1(_ quota: UnsafePointer<CChar>, _ period: UnsafePointer<CChar>) -> Int32

@Suite("Processors, time and memory")
struct ProcessorTests {
    @Test("the affinity mask limits the count")
    func affinityLimits() {
        let count = edgep_usable_processor_count()
        #expect(count >= 1)
        #expect(Int(count) <= sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        // A quota may lower the one, never the other.
        #expect(count <= edgep_allowed_processor_count())
        #expect(Int(edgep_allowed_processor_count()) <= sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    @Test("quotas of cgroup v2 count whole processors")
    func quotasOfVersion2() {
        #expect(quotaV2("max 100000\n") == .max)
        #expect(quotaV2("400000 100000\n") == 4)
        #expect(quotaV2("150000 100000\n") == 1)
        #expect(quotaV2("20000 100000\n") == 1)
        #expect(quotaV2("") == .max)
        #expect(quotaV2("100000") == .max)
        #expect(quotaV2("100000 0") == .max)
    }

    @Test("quotas of cgroup v1 count whole processors")
    func quotasOfVersion1() {
        #expect(quotaV1("-1\n", "100000\n") == .max)
        #expect(quotaV1("250000\n", "100000\n") == 2)
        #expect(quotaV1("50000\n", "100000\n") == 1)
        #expect(quotaV1("", "") == .max)
    }

    @Test("the clock goes forward")
    func clockGoesForward() {
        let first = edgep_nanoseconds()
        var last = first
        for _ in 0..<1000 {
            let now = edgep_nanoseconds()
            #expect(now >= last)
            last = now
        }
        #expect(last > first)
    }

    @Test("memory is aligned, and the peak counts what is touched")
    func memory() throws {
        for byteCount in [0, 1, 63, 64, 65, 4097] {
            let bytes = try #require(edgep_allocate(byteCount))
            #expect(Int(bitPattern: bytes) % 64 == 0)
            memset(bytes, 1, byteCount)
            edgep_free(bytes)
        }
        #expect(edgep_allocate(.max) == nil)
        edgep_free(nil)

        let byteCount = 64 << 20
        let bytes = try #require(edgep_allocate(byteCount))
        memset(bytes, 1, byteCount)
        #expect(edgep_peak_resident_bytes() >= Int64(byteCount))
        edgep_free(bytes)
    }
}
