/// Composes Unicode facts and a normalizer's options into the normalization section of a blob
/// (`formats/tokenizer.md`).
struct NormalizationTableBuilder {
    private let facts: UnicodeFacts
    private let options: NormalizationOptions
    private var ranges: [(first: UInt32, action: UInt32)] = []
    private var entries: [UInt32] = []
    private var units: [UInt32] = []
    private var sequenceStarts: [[UInt32]: Int] = [:]

    init(_ facts: UnicodeFacts, _ options: NormalizationOptions) {
        self.facts = facts
        self.options = options
    }

    /// What becomes of a code point, comparable with that of its neighbour.
    private enum Outcome: Equatable {
        case keep
        case remove
        case boundary
        case separate
        case isolate
        case shift(Int64)
        case hangul
        case units([UInt32])

        /// The action and payload for a range of equal outcomes.
        var action: UInt32? {
            switch self {
            case .keep: 0
            case .remove: 1
            case .boundary: 2
            case .separate: 3
            case .isolate: 4
            case .shift(let distance): 5 | UInt32(truncatingIfNeeded: distance) << 8
            case .hangul: 7
            case .units: nil
            }
        }
    }

    /// The bytes of the section.
    mutating func section() -> [UInt8] {
        var run: (first: UInt32, outcome: Outcome)?
        for scalar in facts.changes {
            let outcome = outcome(scalar)
            if outcome == run?.outcome { continue }
            if let run { append(run.first..<scalar, run.outcome) }
            run = (scalar, outcome)
        }
        if let run { append(run.first..<0x11_0000, run.outcome) }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(ranges.count))
        bytes.append(littleEndian: UInt32(entries.count))
        bytes.append(littleEndian: UInt32(units.count))
        for range in ranges {
            bytes.append(littleEndian: range.first)
            bytes.append(littleEndian: range.action)
        }
        for value in entries + units { bytes.append(littleEndian: value) }
        return bytes
    }

    /// What becomes of a text, apart from the order of marks.
    func units(of text: [UInt8]) -> [UInt32] {
        String(decoding: text, as: UTF8.self).unicodeScalars.flatMap {
            units($0.value, outcome($0.value))
        }
    }

    /// Adds a range of equal outcomes, or entries if it is a single code point.
    private mutating func append(_ scalars: Range<UInt32>, _ outcome: Outcome) {
        if let action = outcome.action, scalars.count > 1 {
            ranges.append((scalars.lowerBound, action))
            return
        }
        if ranges.last.map({ $0.action & 0xFF != 6 }) ?? true {
            ranges.append((scalars.lowerBound, 6 | UInt32(entries.count) << 8))
        }
        for scalar in scalars { entries.append(entry(units(scalar, outcome))) }
    }

    private func outcome(_ scalar: UInt32) -> Outcome {
        if (0xD800...0xDFFF).contains(scalar) { return .keep }
        if options.cleansText {
            if facts.removedByCleaning.contains(scalar) { return .remove }
            if facts.whitespace.contains(scalar) { return .separate }
        }
        let decomposes = options.decomposesOnly ?? options.stripsAccents
        if decomposes && UnicodeFacts.hangulSyllables.contains(scalar) { return .hangul }
        if options.decomposesOnly == false { return .keep }
        let units = composedUnits(scalar)
        if units.isEmpty { return .remove }
        guard units.count == 1, let unit = units.first else { return .units(units) }
        let target = unit & 0x1F_FFFF
        switch unit >> 21 {
        case 0 where target == scalar: return .keep
        case 0: return .shift(Int64(target) - Int64(scalar))
        case 1 where target == scalar: return .isolate
        case 2: return .separate
        case 3: return .boundary
        default: return .units(units)
        }
    }

    /// Decomposes, strips, lower-cases and classifies a code point that cleaning leaves alone.
    private func composedUnits(_ scalar: UInt32) -> [UInt32] {
        var decomposed: [(scalar: UInt32, combiningClass: UInt32)] = [(scalar, 0)]
        if options.decomposesOnly ?? options.stripsAccents {
            decomposed = (facts.decompositions[scalar] ?? [scalar]).map {
                ($0, facts.combiningClasses[$0] ?? 0)
            }
        }
        if options.decomposesOnly != nil {
            return decomposed.map { $0.scalar | $0.combiningClass << 24 }
        }
        let isIdeograph = options.separatesIdeographs && facts.ideographs.contains(scalar)
        var units: [UInt32] = isIdeograph ? [2 << 21] : []
        for part in decomposed {
            if options.stripsAccents && facts.nonspacingMarks.contains(part.scalar) {
                if part.combiningClass == 0 { units.append(3 << 21) }
                continue
            }
            let lowered = options.lowercases ? facts.lowercase[part.scalar] : nil
            for target in lowered ?? [part.scalar] {
                if facts.whitespace.contains(target) {
                    units.append(2 << 21)
                } else if facts.punctuation.contains(target) {
                    units.append(target | 1 << 21)
                } else {
                    units.append(target | part.combiningClass << 24)
                }
            }
        }
        if isIdeograph {
            units.append(2 << 21)
            // A single character between spaces is a word of its own.
            if units.count == 3, units[1] >> 21 & 3 < 2 { return [units[1] & 0x1F_FFFF | 1 << 21] }
        }
        return units
    }

    private func units(_ scalar: UInt32, _ outcome: Outcome) -> [UInt32] {
        switch outcome {
        case .keep: [scalar]
        case .remove: []
        case .boundary: [3 << 21]
        case .separate: [2 << 21]
        case .isolate: [scalar | 1 << 21]
        case .shift(let distance): [UInt32(Int64(scalar) + distance)]
        case .hangul: hangul(scalar)
        case .units(let units): units
        }
    }

    private func hangul(_ scalar: UInt32) -> [UInt32] {
        let index = scalar - 0xAC00
        let pair = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
        return index % 28 == 0 ? pair : pair + [0x11A7 + index % 28]
    }

    /// The entry for a sequence of units; equal sequences are stored once.
    private mutating func entry(_ sequence: [UInt32]) -> UInt32 {
        if sequence.count == 1 { return sequence[0] }
        let start = sequenceStarts[sequence] ?? units.count
        if start == units.count && !sequence.isEmpty {
            sequenceStarts[sequence] = start
            units += sequence
        }
        let first = sequence.isEmpty ? 0 : UInt32(start)
        return first | 1 << 23 | UInt32(sequence.count) << 24
    }
}
