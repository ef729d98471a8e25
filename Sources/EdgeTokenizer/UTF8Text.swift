/// Reading of UTF-8 without the standard library's Unicode tables.
enum UTF8Text {
    /// `bytes`, with each maximal subpart of an ill-formed sequence replaced by U+FFFD
    /// (The Unicode Standard, section 3.9, "U+FFFD Substitution of Maximal Subparts").
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        guard let start = firstError(bytes) else { return bytes }
        var result = [UInt8](bytes[..<start])
        var position = start
        while position < bytes.count {
            let step = step(bytes, position)
            if step.isWellFormed {
                result.append(contentsOf: bytes[position..<position + step.byteCount])
            } else {
                append(0xFFFD, to: &result)
            }
            position += step.byteCount
        }
        return result
    }

    /// Where the first ill-formed sequence starts.
    static func firstError(_ bytes: [UInt8]) -> Int? {
        var position = 0
        while position < bytes.count {
            let step = step(bytes, position)
            if !step.isWellFormed { return position }
            position += step.byteCount
        }
        return nil
    }

    /// Where the well-formed sequence at `position` ends; nil if there is none.
    static func characterEnd(_ bytes: [UInt8], _ position: Int) -> Int? {
        let step = step(bytes, position)
        return step.isWellFormed ? position + step.byteCount : nil
    }

    /// Where a sequence that may become well-formed with further bytes starts at the end of `bytes`;
    /// their count if there is none.
    static func incompleteStart(_ bytes: [UInt8]) -> Int {
        var start = bytes.count
        while start > 0 && bytes.count - start < 3 {
            start -= 1
            if bytes[start] & 0xC0 == 0x80 { continue }
            let step = step(bytes, start)
            let isOpen = !step.isWellFormed && bytes[start] >= 0xC2 && bytes[start] <= 0xF4
            return isOpen && start + step.byteCount == bytes.count ? start : bytes.count
        }
        return bytes.count
    }

    /// The well-formed sequence or the maximal subpart of an ill-formed one at `position`.
    private static func step(
        _ bytes: [UInt8], _ position: Int
    ) -> (byteCount: Int, isWellFormed: Bool) {
        let lead = bytes[position]
        if lead < 0x80 { return (1, true) }
        var second: ClosedRange<UInt8> = 0x80...0xBF
        let length: Int
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return (1, false)
        }
        for place in 1..<length {
            let next = position + place
            let allowed = place == 1 ? second : 0x80...0xBF
            guard next < bytes.count, allowed.contains(bytes[next]) else { return (place, false) }
        }
        return (length, true)
    }

    /// The scalar value at `position` of well-formed text; moves `position` behind it.
    @inline(__always)
    static func next(_ bytes: [UInt8], _ position: inout Int) -> UInt32 {
        let lead = bytes[position]
        if lead < 0x80 {
            position += 1
            return UInt32(lead)
        }
        let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
        var scalar = UInt32(lead) & (0xFF >> UInt32(length + 1))
        for place in 1..<length { scalar = scalar << 6 | UInt32(bytes[position + place] & 0x3F) }
        position += length
        return scalar
    }

    /// Where the character that ends before `position` of well-formed text starts.
    static func previous(_ bytes: [UInt8], _ position: Int) -> Int {
        var position = position - 1
        while position > 0 && bytes[position] & 0xC0 == 0x80 { position -= 1 }
        return position
    }

    /// Appends a scalar value in UTF-8.
    @inline(__always)
    static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        if scalar < 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: scalar))
            return
        }
        if scalar < 0x800 {
            bytes.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
        } else {
            if scalar < 0x10000 {
                bytes.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            } else {
                bytes.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
                bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            }
            bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
        }
        bytes.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
}
