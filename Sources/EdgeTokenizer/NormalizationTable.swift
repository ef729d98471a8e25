/// What normalization and splitting into words do to each character.
///
/// The code space is cut into ranges. Each has an action, and may lead to entries, one for each of
/// its code points: a unit, or a sequence of units.
struct NormalizationTable {
    private let firsts: [UInt32]
    private let actions: [UInt32]
    private let entries: [UInt32]
    private let units: [UInt32]
    /// Outcomes for U+0000...U+007F.
    private var ascii: [Outcome] = []

    private enum Action {
        static let keep: UInt32 = 0
        static let remove: UInt32 = 1
        static let boundary: UInt32 = 2
        static let separate: UInt32 = 3
        static let isolate: UInt32 = 4
        static let shift: UInt32 = 5
        static let entries: UInt32 = 6
        static let hangul: UInt32 = 7
    }

    /// What becomes of a character.
    enum Outcome {
        case nothing
        case unit(NormalizationUnit)
        /// Units of the table.
        case sequence(Range<Int>)
        /// The two or three jamo of a Hangul syllable.
        case hangul(UInt32)
    }

    /// - Parameter endsWords: whether characters may have other roles than being part of a word.
    init(_ reader: inout BlobReader, endsWords: Bool) throws(TokenizerError) {
        let rangeCount = try reader.count(maximum: TokenizerLayout.maximumRangeCount)
        let entryCount = try reader.count(maximum: TokenizerLayout.maximumEntryCount)
        let unitCount = try reader.count(maximum: TokenizerLayout.maximumUnitCount)
        let pairs = try reader.uint32s(rangeCount * 2)
        entries = try reader.uint32s(entryCount)
        units = try reader.uint32s(unitCount)
        try reader.finish()

        var firsts: [UInt32] = []
        var actions: [UInt32] = []
        for index in 0..<rangeCount {
            firsts.append(pairs[index * 2])
            actions.append(pairs[index * 2 + 1])
        }
        self.firsts = firsts
        self.actions = actions
        try checkUnits()
        try checkRanges()
        if !endsWords { try checkRoles() }
        for scalar in 0..<UInt32(128) { ascii.append(search(scalar)) }
    }

    private func checkUnits() throws(TokenizerError) {
        for (index, unit) in units.enumerated()
        where !NormalizationUnit(rawValue: unit).isValid {
            throw .invalidUnit(index: index, found: unit)
        }
        for (index, entry) in entries.enumerated() {
            if entry & 1 << 23 == 0 {
                guard NormalizationUnit(rawValue: entry).isValid else {
                    throw .invalidUnit(index: index, found: entry)
                }
                continue
            }
            let sequence = Self.sequence(entry)
            guard sequence.upperBound <= units.count,
                sequence.count <= TokenizerLayout.maximumUnitsPerSequence
            else { throw .sequenceOutOfBounds(entry: index, found: entry) }
        }
    }

    private func checkRoles() throws(TokenizerError) {
        for (index, unit) in units.enumerated() where unit & 3 << 21 != 0 {
            throw .unexpectedRole(index: index)
        }
        for (index, entry) in entries.enumerated()
        where entry & 1 << 23 == 0 && entry & 3 << 21 != 0 {
            throw .unexpectedRole(index: index)
        }
        for (index, action) in actions.enumerated() {
            let code = action & 0xFF
            if code >= Action.boundary && code <= Action.isolate {
                throw .unexpectedRole(index: index)
            }
        }
    }

    private func checkRanges() throws(TokenizerError) {
        guard let start = firsts.first, start == 0 else {
            throw .rangesOutOfOrder(index: 0, found: firsts.first ?? 0)
        }
        for (index, first) in firsts.enumerated() {
            let end = index + 1 < firsts.count ? firsts[index + 1] : 0x11_0000
            guard first < end, end <= 0x11_0000 else {
                throw .rangesOutOfOrder(index: index, found: first)
            }
            let payload = actions[index] >> 8
            let isInBounds: Bool
            switch actions[index] & 0xFF {
            case Action.keep, Action.remove, Action.boundary, Action.separate, Action.isolate:
                isInBounds = payload == 0
            case Action.shift:
                // Shifted back into unsigned numbers, both ends and what lies between are scalars.
                let low = first &+ Self.distance(payload)
                let high = (end - 1) &+ Self.distance(payload)
                isInBounds = low <= high && high < 0x11_0000 && (high < 0xD800 || low >= 0xE000)
            case Action.entries:
                isInBounds =
                    payload <= UInt32(entries.count)
                    && end - first <= UInt32(entries.count) - payload
            case Action.hangul:
                isInBounds = payload == 0 && first >= 0xAC00 && end <= 0xD7A4
            default:
                throw .unknownAction(range: index, found: actions[index] & 0xFF)
            }
            guard isInBounds else { throw .actionOutOfBounds(range: index, payload: payload) }
        }
    }

    /// The units of an entry with bit 23: bits 0...22 are the first one, bits 24...31 the count.
    private static func sequence(_ entry: UInt32) -> Range<Int> {
        let first = Int(entry & 0x7F_FFFF)
        return first..<first + Int(entry >> 24)
    }

    /// A payload as a signed number, to be added with wrap-around.
    private static func distance(_ payload: UInt32) -> UInt32 {
        payload & 0x80_0000 == 0 ? payload : payload | 0xFF00_0000
    }

    /// What becomes of a scalar value.
    @inline(__always)
    func outcome(_ scalar: UInt32) -> Outcome {
        scalar < 128 ? ascii[Int(scalar)] : search(scalar)
    }

    private func search(_ scalar: UInt32) -> Outcome {
        var low = 0
        var high = firsts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if firsts[middle] <= scalar { low = middle } else { high = middle }
        }
        let payload = actions[low] >> 8
        switch actions[low] & 0xFF {
        case Action.keep: return .unit(NormalizationUnit(scalar))
        case Action.boundary: return .unit(.boundary)
        case Action.separate: return .unit(.separator)
        case Action.isolate: return .unit(NormalizationUnit(scalar, isolated: true))
        case Action.shift: return .unit(NormalizationUnit(scalar &+ Self.distance(payload)))
        case Action.entries:
            let entry = entries[Int(payload + scalar - firsts[low])]
            guard entry & 1 << 23 != 0 else { return .unit(NormalizationUnit(rawValue: entry)) }
            return .sequence(Self.sequence(entry))
        case Action.hangul: return .hangul(scalar)
        default: return .nothing
        }
    }

    /// A unit of a sequence.
    func unit(_ index: Int) -> NormalizationUnit { NormalizationUnit(rawValue: units[index]) }
}
