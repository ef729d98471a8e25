import Checkpoints
import EdgeFormat
package import EdgeRuntime
package import ModelGraph

/// What a report says about the float original.
package struct CheckpointFacts: Equatable, Sendable {
    package let file: String
    package let family: String
    package let task: ModelTask
    /// Of all tensors as they are stored, without headers and side files.
    package let weightByteCount: Int
    package let maximumTokens: Int

    package init(
        file: String, family: String, task: ModelTask, weightByteCount: Int, maximumTokens: Int
    ) {
        self.file = file
        self.family = family
        self.task = task
        self.weightByteCount = weightByteCount
        self.maximumTokens = maximumTokens
    }

    package init(file: String, model: Model) {
        let checkpoint = model.checkpoint
        self.init(
            file: file, family: model.family, task: model.task,
            weightByteCount: checkpoint.tensorNames.reduce(0) {
                $0 + (checkpoint.byteCount(of: $1) ?? 0)
            },
            maximumTokens: model.maximumTokens)
    }
}

/// What a report says about a container.
package struct ContainerFacts: Equatable, Sendable {
    package let file: String
    package let byteCount: Int
    /// SHA-256 of the bytes after the header, in hexadecimal.
    package let digest: String
    /// The recipe that made it, as JSON; nil if the container does not say.
    package let recipe: String?
    /// What the model was made for, by its name in the metadata; nil if the container does not say.
    package let taskName: String?
    package let maximumTokens: Int

    package init(
        file: String, byteCount: Int, digest: String, recipe: String?, taskName: String?,
        maximumTokens: Int
    ) {
        self.file = file
        self.byteCount = byteCount
        self.digest = digest
        self.recipe = recipe
        self.taskName = taskName
        self.maximumTokens = maximumTokens
    }

    package init(file: String, container: Container) {
        func text(_ key: StaticText) -> String? {
            guard case .text(let text)? = container.directory.metadata[key] else { return nil }
            return String(decoding: text, as: UTF8.self)
        }
        self.init(
            file: file, byteCount: container.header.fileSize,
            digest: container.header.contentDigest.map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined(),
            recipe: text("recipe"), taskName: text("task"),
            maximumTokens: container.directory.program.maximumTokens)
    }
}
