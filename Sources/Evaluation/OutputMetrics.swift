/// How far the outputs of a candidate are from those of the reference.
package struct OutputMetrics: Equatable, Sendable {
    /// Cosines between the output of the candidate and that of the reference, one per example.
    package struct Cosine: Equatable, Sendable {
        package let mean: Double
        package let minimum: Double
        /// 5 % of the examples lie below.
        package let fifthPercentile: Double

        package init(mean: Double, minimum: Double, fifthPercentile: Double) {
            self.mean = mean
            self.minimum = minimum
            self.fifthPercentile = fifthPercentile
        }
    }

    /// What a classifier decides.
    package struct Decisions: Equatable, Sendable {
        /// Examples in which both prefer the same label.
        package let agreementCount: Int
        /// Mean of KL(reference ‖ candidate) between the label probabilities, in nats.
        package let meanDivergence: Double
        /// Examples with a label; 0 if the data set has none.
        package let labelledCount: Int
        package let correctCount: Int
        /// Nil without labels.
        package let difference: PairedDifference?

        package init(
            agreementCount: Int, meanDivergence: Double, labelledCount: Int, correctCount: Int,
            difference: PairedDifference?
        ) {
            self.agreementCount = agreementCount
            self.meanDivergence = meanDivergence
            self.labelledCount = labelledCount
            self.correctCount = correctCount
            self.difference = difference
        }
    }

    package let exampleCount: Int
    package let cosine: Cosine
    package let maximumAbsoluteError: Double
    /// Over all numbers of all outputs.
    package let meanAbsoluteError: Double
    /// Nil unless the task is to classify.
    package let decisions: Decisions?

    package init(
        exampleCount: Int, cosine: Cosine, maximumAbsoluteError: Double,
        meanAbsoluteError: Double, decisions: Decisions?
    ) {
        self.exampleCount = exampleCount
        self.cosine = cosine
        self.maximumAbsoluteError = maximumAbsoluteError
        self.meanAbsoluteError = meanAbsoluteError
        self.decisions = decisions
    }
}
