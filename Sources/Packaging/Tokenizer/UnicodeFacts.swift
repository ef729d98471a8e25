/// The facts of `UnicodeTables` in a form for looking up.
struct UnicodeFacts {
    let removedByCleaning: ScalarSet
    let whitespace: ScalarSet
    let punctuation: ScalarSet
    let ideographs: ScalarSet
    let nonspacingMarks: ScalarSet
    /// Canonical combining classes other than 0.
    private(set) var combiningClasses: [UInt32: UInt32] = [:]
    /// Full canonical decompositions, without Hangul syllables.
    private(set) var decompositions: [UInt32: [UInt32]] = [:]
    private(set) var lowercase: [UInt32: [UInt32]] = [:]

    static let hangulSyllables: ClosedRange<UInt32> = 0xAC00...0xD7A3

    init() {
        removedByCleaning = ScalarSet(UnicodeTables.removedByCleaning)
        whitespace = ScalarSet(UnicodeTables.whitespace)
        punctuation = ScalarSet(UnicodeTables.punctuation)
        ideographs = ScalarSet(UnicodeTables.ideographs)
        nonspacingMarks = ScalarSet(UnicodeTables.nonspacingMarks)
        decompositions = Self.mappings(UnicodeTables.decompositions)
        lowercase = Self.mappings(UnicodeTables.lowercaseSequences)
        readShifts()
        readClasses()
    }

    /// Ascending code points from 0 on; from each up to the next all facts stay the same, except
    /// that mappings are listed one by one.
    var changes: [UInt32] {
        var changes: Set<UInt32> = [
            0, 0xD800, 0xE000, Self.hangulSyllables.lowerBound,
            Self.hangulSyllables.upperBound + 1,
        ]
        for set in [removedByCleaning, whitespace, punctuation, ideographs, nonspacingMarks] {
            for range in set.ranges { changes.formUnion([range.lowerBound, range.upperBound + 1]) }
        }
        for keys in [
            Array(combiningClasses.keys), Array(decompositions.keys), Array(lowercase.keys),
        ] {
            for key in keys { changes.formUnion([key, key + 1]) }
        }
        return changes.filter { $0 < 0x11_0000 }.sorted()
    }

    /// The pairs of characters that are composed, in ascending order, without Hangul syllables.
    var compositions: [(first: UInt32, second: UInt32, composite: UInt32)] {
        Self.mappings(UnicodeTables.compositions)
            .map { (first: $0.value[0], second: $0.value[1], composite: $0.key) }
            .sorted { ($0.first, $0.second) < ($1.first, $1.second) }
    }

    /// Ranges of characters of one class: the first code point, and the class from bit 24 on
    /// (`formats/tokenizer.md`, section 18).
    var characterClasses: [UInt32] {
        let sets = [
            (ScalarSet(UnicodeTables.letters), UInt32(1)), (ScalarSet(UnicodeTables.numbers), 2),
            (ScalarSet(UnicodeTables.spaces), 3), (ScalarSet(UnicodeTables.digits), 4),
        ]
        var changes: Set<UInt32> = [0]
        for (set, _) in sets {
            for range in set.ranges { changes.formUnion([range.lowerBound, range.upperBound + 1]) }
        }
        var ranges: [UInt32] = []
        for first in changes.sorted() where first < 0x11_0000 {
            var value: UInt32 = 0
            for (set, bits) in sets where set.contains(first) { value |= bits }
            if let last = ranges.last, last >> 24 == value { continue }
            ranges.append(first | value << 24)
        }
        return ranges
    }

    private mutating func readClasses() {
        var reader = PackedIntegers(UnicodeTables.combiningClasses)
        var previous: UInt32 = 0
        while !reader.isAtEnd {
            let first = previous + reader.next()
            previous = first + reader.next() + 1
            let value = reader.next()
            for scalar in first..<previous { combiningClasses[scalar] = value }
        }
    }

    private mutating func readShifts() {
        var reader = PackedIntegers(UnicodeTables.lowercaseShifts)
        var previous: UInt32 = 0
        while !reader.isAtEnd {
            var scalar = previous + reader.next()
            let run = reader.next()
            let shift = reader.nextSigned()
            for _ in 0...run / 2 {
                lowercase[scalar] = [UInt32(Int64(scalar) + shift)]
                previous = scalar + 1
                scalar += 1 + run % 2
            }
        }
    }

    private static func mappings(_ table: StaticString) -> [UInt32: [UInt32]] {
        var reader = PackedIntegers(table)
        var mappings: [UInt32: [UInt32]] = [:]
        var scalar: UInt32 = 0
        var last = [Int64](repeating: 0, count: 8)
        while !reader.isAtEnd {
            scalar += reader.next()
            for place in 0..<Int(reader.next()) {
                last[place] += reader.nextSigned()
                mappings[scalar, default: []].append(UInt32(last[place]))
            }
        }
        return mappings
    }
}

/// A set of code points as ascending ranges.
struct ScalarSet {
    private(set) var ranges: [ClosedRange<UInt32>] = []

    init(_ table: StaticString) {
        var reader = PackedIntegers(table)
        var previous: UInt32 = 0
        while !reader.isAtEnd {
            let first = previous + reader.next()
            let last = first + reader.next()
            ranges.append(first...last)
            previous = last + 1
        }
    }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }
}
