import Glibc

/// Collects the metrics of one candidate example by example; keeps one number per example.
struct OutputMetricsAccumulator {
    private let isClassifier: Bool
    private var cosines: [Double] = []
    private var maximumError = 0.0
    private var errorSum = 0.0
    private var numberCount = 0
    private var divergenceSum = 0.0
    private var agreementCount = 0
    private var labelledCount = 0
    private var correctCount = 0
    private var onlyReferenceCorrect = 0
    private var onlyCandidateCorrect = 0

    init(isClassifier: Bool) {
        self.isClassifier = isClassifier
    }

    /// Adds an example.
    ///
    /// - Parameters:
    ///   - label: Index of the right label, if it is known.
    /// - Precondition: Both outputs have the same number of finite numbers, at least one.
    mutating func add(reference: [Float], candidate: [Float], label: Int?) {
        precondition(reference.count == candidate.count && !reference.isEmpty)
        cosines.append(cosine(reference, candidate))
        for (expected, found) in zip(reference, candidate) {
            let error = abs(Double(expected) - Double(found))
            maximumError = max(maximumError, error)
            errorSum += error
        }
        numberCount += reference.count
        guard isClassifier else { return }
        divergenceSum += divergence(reference, candidate)
        let expected = preferredLabel(reference)
        let found = preferredLabel(candidate)
        if expected == found { agreementCount += 1 }
        guard let label else { return }
        labelledCount += 1
        if found == label { correctCount += 1 }
        if expected == label && found != label { onlyReferenceCorrect += 1 }
        if expected != label && found == label { onlyCandidateCorrect += 1 }
    }

    /// The metrics of what was added; nil if nothing was.
    var metrics: OutputMetrics? {
        guard !cosines.isEmpty else { return nil }
        let sorted = cosines.sorted()
        let decisions = OutputMetrics.Decisions(
            agreementCount: agreementCount,
            meanDivergence: divergenceSum / Double(cosines.count),
            labelledCount: labelledCount, correctCount: correctCount,
            difference: labelledCount == 0
                ? nil
                : PairedDifference(
                    exampleCount: labelledCount, onlyReferenceCorrect: onlyReferenceCorrect,
                    onlyCandidateCorrect: onlyCandidateCorrect))
        return OutputMetrics(
            exampleCount: cosines.count,
            cosine: OutputMetrics.Cosine(
                mean: cosines.reduce(0, +) / Double(cosines.count), minimum: sorted[0],
                fifthPercentile: sorted.quantile(0.05)),
            maximumAbsoluteError: maximumError,
            meanAbsoluteError: errorSum / Double(numberCount),
            decisions: isClassifier ? decisions : nil)
    }
}

/// Σ ab / √(Σ a² Σ b²), at most 1 in magnitude; 1 if both are zero, 0 if one is.
func cosine(_ a: [Float], _ b: [Float]) -> Double {
    var product = 0.0
    var squaresOfA = 0.0
    var squaresOfB = 0.0
    for (left, right) in zip(a, b) {
        product += Double(left) * Double(right)
        squaresOfA += Double(left) * Double(left)
        squaresOfB += Double(right) * Double(right)
    }
    if squaresOfA == 0 && squaresOfB == 0 { return 1 }
    if squaresOfA == 0 || squaresOfB == 0 { return 0 }
    let cosine = product / (squaresOfA.squareRoot() * squaresOfB.squareRoot())
    return min(1, max(-1, cosine))
}

/// KL(p ‖ q) = Σ p · (ln p − ln q) of the softmax p and q of two rows of logits, in nats.
func divergence(_ reference: [Float], _ candidate: [Float]) -> Double {
    let expected = logProbabilities(reference)
    let found = logProbabilities(candidate)
    var sum = 0.0
    for (p, q) in zip(expected, found) { sum += exp(p) * (p - q) }
    // Rounding can leave a negative trace of zero.
    return max(0, sum)
}

/// The index of the largest logit; the first of equals.
func preferredLabel(_ logits: [Float]) -> Int {
    var best = 0
    for (index, logit) in logits.enumerated() where logit > logits[best] { best = index }
    return best
}

private func logProbabilities(_ logits: [Float]) -> [Double] {
    let maximum = Double(logits.max() ?? 0)
    let sum = logits.reduce(0) { $0 + exp(Double($1) - maximum) }
    return logits.map { Double($0) - maximum - log(sum) }
}
