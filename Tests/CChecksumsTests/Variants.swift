import CChecksums

// The implementations behind the public functions, to compare one with the other. They have C
// linkage and plain arguments; their header is private to the library.

@_silgen_name("atn_crc32c_portable")
func crc32cPortable(_ crc: UInt32, _ bytes: UnsafePointer<UInt8>?, _ count: Int) -> UInt32

@_silgen_name("atn_sha256_portable")
func sha256Portable(
    _ state: UnsafeMutablePointer<UInt32>, _ blocks: UnsafePointer<UInt8>?, _ blockCount: Int)

/// SplitMix64 (Steele, Lea and Flood, 2014): the same bytes on every run.
struct ByteSource {
    private var state: UInt64 = 42

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int {
        Int(next() % UInt64(bound))
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
