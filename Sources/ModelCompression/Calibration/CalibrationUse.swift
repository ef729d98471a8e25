import ModelGraph

/// How much of the calibration data a pass looks at, and how much each row of it counts.
package struct CalibrationUse: Sendable {
    /// Tokens to which each sequence is cut.
    package var sequenceTokens = 128
    /// Tokens of all sequences together: memory is proportional to them.
    package var totalTokens: Int
    /// Share of the weight of a sequence that all its rows have alike, the rest goes to the rows that
    /// the answer reads (`RowImportance`); nil: all rows count alike.
    package var uniformRows: Double?

    /// What rounding uses unless told otherwise.
    static let rounding = CalibrationUse(totalTokens: 16_384, uniformRows: nil)
    static let pruning = CalibrationUse(totalTokens: 16_384, uniformRows: 0.5)
    /// What dropping heads and neurons uses: many weights are fitted anew, from more rows.
    static let removal = CalibrationUse(totalTokens: 40_000, uniformRows: 0.1)

    init(totalTokens: Int, uniformRows: Double?) {
        self.totalTokens = totalTokens
        self.uniformRows = uniformRows
    }

    /// The sequences that the pass looks at, of `calibration`.
    func sequences(of calibration: CalibrationSet) -> CalibrationSet {
        calibration.limited(tokens: sequenceTokens, total: totalTokens)
    }

    /// The weights of the rows of the original model; nil if all count alike.
    func importance(
        _ sequences: CalibrationSet, _ context: PassContext
    ) throws(CompressionError) -> RowImportance? {
        guard let uniformRows, uniformRows < 1 else { return nil }
        return try RowImportance(
            context.original, sequences, uniformShare: Float(uniformRows),
            threadCount: context.threadCount)
    }

    /// Reads the members that all passes with calibration have.
    mutating func read(_ options: inout RecipeOptions) throws(RecipeError) {
        sequenceTokens = try options.integer(
            "sequence_tokens", in: 1...1 << 20, default: sequenceTokens)
        totalTokens = try options.integer("total_tokens", in: 1...1 << 24, default: totalTokens)
        if let share = try options.number("uniform_rows", in: 0...1) { uniformRows = share }
    }
}
