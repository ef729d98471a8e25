/// The tokens of one input.
package struct BatchSequence: Equatable, Sendable {
    package var tokenIDs: [Int32]
    /// Empty, which stands for type 0 everywhere, or one for each token.
    package var typeIDs: [Int32]

    package init(tokenIDs: [Int32], typeIDs: [Int32] = []) {
        self.tokenIDs = tokenIDs
        self.typeIDs = typeIDs
    }
}

/// How the rows of a batch belong to its sequences, which follow each other without padding.
struct BatchShape: Equatable {
    let lengths: [Int]
    /// First row of each sequence.
    let starts: [Int]
    let tokenCount: Int

    init(_ lengths: [Int]) {
        self.lengths = lengths
        var end = 0
        starts = lengths.map { length in
            defer { end += length }
            return end
        }
        tokenCount = end
    }

    var sequenceCount: Int { lengths.count }

    /// Rows of a value with `fixedRows` for each sequence, nil for one for each token.
    func rowCount(_ fixedRows: Int?) -> Int {
        fixedRows.map { $0 * sequenceCount } ?? tokenCount
    }

    /// The rows of one sequence in such a value.
    func rows(of sequence: Int, _ fixedRows: Int?) -> Range<Int> {
        if let fixedRows { return sequence * fixedRows..<(sequence + 1) * fixedRows }
        return starts[sequence]..<starts[sequence] + lengths[sequence]
    }
}
