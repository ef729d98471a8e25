package import ModelGraph

/// An ordered list of passes (formats/recipe.md).
package struct Recipe: Sendable {
    package let name: String
    package let passes: [any CompressionPass]
    /// The recipe as one line of JSON, for provenance.
    package let json: String

    /// `OutputDistance` from which on a pass that multiplies it is said to have jumped: a tenth of a
    /// nat for a classifier, a cosine of 0.9 for an embedding.
    private static let noticeableDistance = 0.1
    private static let jumpFactor = 3.0

    /// Applies the passes in order; `progress` is told the pass and the share of it that is done.
    ///
    /// - Parameters:
    ///   - calibration: What passes may look at; nil if there is no data.
    ///   - vocabulary: Nil for a model without a tokenizer.
    ///   - earlier: What a recipe left of the same model with the same data, whose passes are the
    ///     first ones of this recipe; they are not done again.
    package func apply(
        to model: Model, calibration: CalibrationSet? = nil, vocabulary: VocabularyFacts? = nil,
        threadCount: Int = 1, continuing earlier: CompressedModel? = nil,
        progress: @escaping (_ pass: String, _ share: Double) -> Void = { _, _ in }
    ) throws(CompressionError) -> CompressedModel {
        let original = model
        var model = earlier?.model ?? model
        var records = earlier?.records ?? []
        let check =
            try passes.isEmpty
            ? nil : AnswerCheck(original, calibration, threadCount: threadCount)
        var reached = records.last?.answerDistance ?? 0
        for pass in passes.dropFirst(earlier?.recipe.passes.count ?? 0) {
            let name = type(of: pass).name
            let context = PassContext(
                original: original, calibration: calibration, vocabulary: vocabulary,
                threadCount: threadCount
            ) { progress(name, $0) }
            var record = try pass.apply(to: &model, context: context)
            if let distance = try check?.distance(of: model) {
                record.answerDistance = distance
                if distance > Self.noticeableDistance, distance > Self.jumpFactor * reached {
                    record.notes.append(
                        "warning: the answers to held-out sequences moved far from the original's")
                }
                reached = distance
            }
            records.append(record)
        }
        return CompressedModel(model: model, recipe: self, records: records)
    }
}

/// A model after a recipe, with what each pass did.
package struct CompressedModel: Sendable {
    package let model: Model
    package let recipe: Recipe
    package let records: [PassRecord]
}
