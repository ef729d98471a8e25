/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers on every run.
struct RandomSource {
    private var state: UInt64

    init(seed: Int) {
        state = UInt64(truncatingIfNeeded: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// In 0 ..< bound.
    mutating func below(_ bound: Int) -> Int {
        Int(next() % UInt64(bound))
    }

    /// In −1 ..< 1.
    mutating func unit() -> Float {
        Float(Int64(next() >> 40)) * 0x1p-23 - 1
    }

    mutating func code(lowest: Int) -> Int8 {
        switch below(6) {
        case 0: 127
        case 1: Int8(lowest)
        default: Int8(lowest + below(128 - lowest))
        }
    }
}
