/// How strongly a recipe compresses: a place on a `RecipeLadder`.
package struct RecipeStrength: Hashable, Sendable {
    /// Distance of neighbouring codes in parts of a matrix's root mean square; larger ones make a
    /// smaller file.
    package let step: Double
    /// Share of the heads' and neurons' multiply-accumulates that is left; less is faster.
    package let keep: Double

    package init(step: Double, keep: Double) {
        self.step = step
        self.keep = keep
    }
}

/// The strengths that a search may try.
package struct StrengthSpace: Equatable, Sendable {
    /// From the mildest to the strongest.
    package let steps: ClosedRange<Double>
    /// From the strongest to the mildest.
    package let keeps: ClosedRange<Double>

    package init(steps: ClosedRange<Double>, keeps: ClosedRange<Double>) {
        self.steps = steps
        self.keeps = keeps
    }
}
