package import ModelGraph

/// An ordered list of passes (formats/recipe.md).
package struct Recipe: Sendable {
    package let name: String
    package let passes: [any CompressionPass]
    /// The recipe as one line of JSON, for provenance.
    package let json: String

    /// Applies the passes in order; `progress` is told the pass and the share of it that is done.
    ///
    /// - Parameters:
    ///   - calibration: What passes may look at; nil if there is no data.
    ///   - vocabulary: Nil for a model without a tokenizer.
    package func apply(
        to model: Model, calibration: CalibrationSet? = nil, vocabulary: VocabularyFacts? = nil,
        threadCount: Int = 1,
        progress: @escaping (_ pass: String, _ share: Double) -> Void = { _, _ in }
    ) throws(CompressionError) -> CompressedModel {
        let original = model
        var model = model
        var records: [PassRecord] = []
        for pass in passes {
            let name = type(of: pass).name
            let context = PassContext(
                original: original, calibration: calibration, vocabulary: vocabulary,
                threadCount: threadCount
            ) { progress(name, $0) }
            records.append(try pass.apply(to: &model, context: context))
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
