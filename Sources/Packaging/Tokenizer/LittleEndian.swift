extension [UInt8] {
    /// Appends a number, lowest byte first.
    mutating func append<Number: FixedWidthInteger>(littleEndian value: Number) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends numbers as planes: first the lowest bytes of all, which compresses better.
    mutating func append(planes values: [Int], width: Int) {
        for shift in stride(from: 0, to: 8 * width, by: 8) {
            for value in values { append(UInt8(truncatingIfNeeded: value >> shift)) }
        }
    }
}
