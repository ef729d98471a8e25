/// A small generator with a fixed sequence (SplitMix64), so that a failure can be repeated.
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func bits() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
        return bits ^ (bits >> 31)
    }

    mutating func below(_ limit: Int) -> Int {
        Int(bits() % UInt64(limit))
    }

    /// A float in −scale …< scale.
    mutating func float(_ scale: Float = 1) -> Float {
        (Float(bits() >> 40) / Float(1 << 23) - 1) * scale
    }

    mutating func floats(_ count: Int, _ scale: Float = 1) -> [Float] {
        (0..<count).map { _ in float(scale) }
    }
}
