import EdgeFormat
package import EdgeRuntime

/// What a report says about a container.
package struct ContainerFacts: Equatable, Sendable {
    package let file: String
    package let byteCount: Int
    /// SHA-256 of the bytes after the header, in hexadecimal.
    package let digest: String
    /// SHA-256 of the weight files it was made of, in hexadecimal; nil if it does not say.
    package let sourceDigest: String?
    /// The recipe that made it, as JSON; nil if the container does not say.
    package let recipe: String?
    /// What the model was made for, by its name in the metadata; nil if the container does not say.
    package let taskName: String?

    package init(
        file: String, byteCount: Int, digest: String, sourceDigest: String?, recipe: String?,
        taskName: String?
    ) {
        self.file = file
        self.byteCount = byteCount
        self.digest = digest
        self.sourceDigest = sourceDigest
        self.recipe = recipe
        self.taskName = taskName
    }

    package init(file: String, container: Container) {
        func text(_ key: StaticText) -> String? {
            guard case .text(let text)? = container.directory.metadata[key] else { return nil }
            return String(decoding: text, as: UTF8.self)
        }
        self.init(
            file: file, byteCount: container.header.fileSize,
            digest: hexadecimal(container.header.contentDigest),
            sourceDigest: text("source.digest"), recipe: text("recipe"), taskName: text("task"))
    }
}
