/// The word that is being read, with combining marks put into canonical order.
struct NormalizedWord {
    private let maximumCharacters: Int
    private var bytes: [UInt8] = []
    private var characterCount = 0
    /// Marks at the end of the word that later ones may still precede.
    private var marks: [NormalizationUnit] = []

    init(maximumCharacters: Int) { self.maximumCharacters = maximumCharacters }

    /// Takes the next unit; `body` receives each word that this completes.
    mutating func add(_ unit: NormalizationUnit, _ body: ([UInt8], Bool) -> Void) {
        switch unit.role {
        case .word:
            characterCount += 1
            // What lies beyond the limit is counted, not kept.
            if characterCount > maximumCharacters { return }
            if unit.combiningClass != 0 {
                insert(unit)
            } else {
                settle()
                UTF8Text.append(unit.scalar, to: &bytes)
            }
        case .isolated:
            finish(body)
            UTF8Text.append(unit.scalar, to: &bytes)
            characterCount = 1
            finish(body)
        case .separator:
            finish(body)
        case .boundary:
            settle()
        }
    }

    /// Hands over the word, if there is one, and starts the next.
    mutating func finish(_ body: ([UInt8], Bool) -> Void) {
        if characterCount == 0 { return }
        settle()
        body(bytes, characterCount > maximumCharacters)
        bytes.removeAll(keepingCapacity: true)
        characterCount = 0
    }

    /// Puts a mark behind all marks of the same or a lower class.
    private mutating func insert(_ mark: NormalizationUnit) {
        var place = marks.count
        while place > 0 && marks[place - 1].combiningClass > mark.combiningClass { place -= 1 }
        marks.insert(mark, at: place)
    }

    /// Moves the waiting marks into the word.
    private mutating func settle() {
        if marks.isEmpty { return }
        for mark in marks { UTF8Text.append(mark.scalar, to: &bytes) }
        marks.removeAll(keepingCapacity: true)
    }
}
