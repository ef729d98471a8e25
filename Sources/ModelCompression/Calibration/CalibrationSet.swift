package import ModelGraph

/// Unlabelled inputs that passes may look at.
///
/// Every fourth sequence is held out: passes fit on the others and use these only to decide
/// whether what they fitted is kept.
package struct CalibrationSet: Sendable {
    /// Sequences that passes fit on, then those that are held out.
    package let sequences: [TokenSequence]
    package let fittedCount: Int
    /// Whether the sequences were made up from the vocabulary because no data was given.
    package let isSynthetic: Bool

    /// - Parameter sequences: Without those that the model does not accept.
    package init(_ sequences: [TokenSequence], isSynthetic: Bool = false) {
        let fitted = sequences.enumerated().filter { $0.offset % 4 != 3 }.map(\.element)
        let heldOut = sequences.enumerated().filter { $0.offset % 4 == 3 }.map(\.element)
        self.sequences = fitted + heldOut
        fittedCount = fitted.count
        self.isSynthetic = isSynthetic
    }

    /// Sequences of random tokens, for models without calibration data.
    ///
    /// Which channels of the activations are large is a property of the weights, above all of the
    /// normalizations; random tokens show it nearly as well as text does. The same model always
    /// gets the same sequences.
    package static func synthetic(
        for model: Model, sequences count: Int = 16, tokens: Int = 64
    ) -> CalibrationSet {
        var generator = SplitMix64(seed: 0x9e37_79b9)
        let length = min(tokens, model.maximumTokens)
        let sequences = (0..<count).map { _ in
            TokenSequence(
                ids: (0..<length).map { _ in
                    let count = model.keptTokens?.count ?? model.vocabularySize
                    let place = Int(generator.next() % UInt64(max(1, count)))
                    return model.keptTokens?.ids[place] ?? Int32(place)
                })
        }
        return CalibrationSet(sequences, isSynthetic: true)
    }

    package var fitted: Range<Int> { 0..<fittedCount }

    package var heldOut: Range<Int> { fittedCount..<sequences.count }

    package var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }

    /// The first sequences, each cut to `tokens`, as far as all together stay within `total`.
    ///
    /// The memory of a pass is proportional to the number of tokens.
    package func limited(tokens: Int, total: Int) -> CalibrationSet {
        var limited: [TokenSequence] = []
        var sum = 0
        // Interleaved again, so that the share of the held out stays.
        var order: [TokenSequence] = []
        var (fitted, held) = (0, fittedCount)
        for index in 0..<sequences.count {
            let takesHeld = index % 4 == 3 ? held < sequences.count : fitted >= fittedCount
            order.append(sequences[takesHeld ? held : fitted])
            if takesHeld { held += 1 } else { fitted += 1 }
        }
        for sequence in order {
            let count = min(tokens, sequence.ids.count)
            guard sum + count <= total || limited.isEmpty else { break }
            sum += count
            limited.append(
                TokenSequence(
                    ids: Array(sequence.ids.prefix(count)),
                    typeIDs: Array(sequence.typeIDs.prefix(count)),
                    isTruncated: sequence.isTruncated || count < sequence.ids.count))
        }
        return CalibrationSet(limited, isSynthetic: isSynthetic)
    }
}

/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
