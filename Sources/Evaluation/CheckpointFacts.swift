package import Checkpoints
import EdgeFormat
package import ModelGraph

/// What a report says about the float original.
package struct CheckpointFacts: Equatable, Sendable {
    package let file: String
    package let family: String
    package let task: ModelTask
    /// Of all tensors as they are stored, without headers and side files.
    package let weightByteCount: Int
    package let maximumTokens: Int
    /// SHA-256 of the weight files one after the other, in hexadecimal.
    package let digest: String

    package init(
        file: String, family: String, task: ModelTask, weightByteCount: Int, maximumTokens: Int,
        digest: String
    ) {
        self.file = file
        self.family = family
        self.task = task
        self.weightByteCount = weightByteCount
        self.maximumTokens = maximumTokens
        self.digest = digest
    }

    /// Reads all weight files once.
    package init(file: String, model: Model) throws(CheckpointError) {
        let checkpoint = model.checkpoint
        self.init(
            file: file, family: model.family, task: model.task,
            weightByteCount: checkpoint.tensorNames.reduce(0) {
                $0 + (checkpoint.byteCount(of: $1) ?? 0)
            },
            maximumTokens: model.maximumTokens,
            digest: hexadecimal(try checkpoint.weightsDigest()))
    }
}
