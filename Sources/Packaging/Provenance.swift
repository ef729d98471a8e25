package import Checkpoints
package import EdgeFormat

/// Where a container comes from: the tool that wrote it and the weight files it was made of.
package struct Provenance: Sendable {
    /// Name and version of the tool.
    package static let tool = "attenuate \(toolVersion)"

    /// Names of the weight files, ascending.
    package let files: [String]
    /// SHA-256 of the weight files one after the other, in hexadecimal.
    package let digest: String

    /// Reads all weight files once.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        files = checkpoint.weightFiles.map(\.name)
        digest = hexadecimal(try checkpoint.weightsDigest())
    }

    /// Writes the facts into the metadata of a container.
    package func record(in metadata: inout Metadata) {
        metadata.set("tool", .text(Array(Self.tool.utf8)))
        metadata.set("source.files", .texts(files.map { Array($0.utf8) }))
        metadata.set("source.digest", .text(Array(digest.utf8)))
    }
}
