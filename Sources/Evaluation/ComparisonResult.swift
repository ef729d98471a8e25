package import ModelGraph

/// What a comparison found.
package struct ComparisonResult {
    package struct Container {
        package let file: String
        package let metrics: OutputMetrics
    }

    package let task: ModelTask
    /// Numbers in the output of the first example.
    package let outputCount: Int
    package let exampleCount: Int
    /// Examples of which the end was cut off to fit the model.
    package let truncatedCount: Int
    /// Examples with a label of the model; 0 unless the task is to classify.
    package let labelledCount: Int
    /// Of these, those that the reference gets right.
    package let referenceCorrectCount: Int
    /// In the order they were given.
    package let containers: [Container]
    /// Lines that a model did not accept, in the order of the file.
    package let failures: [LineFailure]
}
