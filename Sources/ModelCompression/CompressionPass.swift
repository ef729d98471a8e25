package import ModelGraph

/// One step of compression: changes a model and says what it changed.
package protocol CompressionPass: Sendable {
    /// The name by which recipes call the pass.
    static var name: String { get }

    /// Applies the pass.
    func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord

    /// What the pass would do, in one sentence.
    var summary: String { get }

    /// Changes the estimate of the file as the pass would change the file.
    func estimate(_ size: inout SizeEstimate)
}

/// What a pass may use beside the model.
package struct PassContext {
    /// The model before any pass: what the compressed one shall agree with.
    package let original: Model
    /// Nil if no calibration data was given.
    package let calibration: CalibrationSet?
    /// Nil if the model has no tokenizer.
    package let vocabulary: VocabularyFacts?
    package let threadCount: Int
    /// Is told the share of the pass that is done, in 0…1.
    package let progress: (Double) -> Void

    package init(
        original: Model, calibration: CalibrationSet?, vocabulary: VocabularyFacts? = nil,
        threadCount: Int, progress: @escaping (Double) -> Void = { _ in }
    ) {
        self.original = original
        self.calibration = calibration
        self.vocabulary = vocabulary
        self.threadCount = threadCount
        self.progress = progress
    }

    /// The same for a part of a pass, whose progress counts from `start` to `end`.
    func part(_ start: Double, _ end: Double) -> PassContext {
        let progress = self.progress
        return PassContext(
            original: original, calibration: calibration, vocabulary: vocabulary,
            threadCount: threadCount
        ) { progress(start + $0 * (end - start)) }
    }
}
