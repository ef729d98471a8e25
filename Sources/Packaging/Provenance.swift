import CChecksums
package import Checkpoints
package import EdgeFormat

/// Where a container comes from: the tool that wrote it and the weight files it was made of.
package struct Provenance: Sendable {
    /// Name and version of the tool.
    package static let tool = "attenuate 0.1.0"

    /// Names of the weight files, ascending.
    package let files: [String]
    /// SHA-256 of the weight files one after the other, in hexadecimal.
    package let digest: String

    /// Reads all weight files once.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        var state = atn_sha256()
        atn_sha256_begin(&state)
        for file in checkpoint.weightFiles {
            try checkpoint.forEachPiece(of: file) { piece in
                atn_sha256_update(&state, piece.baseAddress, piece.count)
            }
        }
        var bytes = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeMutableBufferPointer { atn_sha256_end(&state, $0.baseAddress) }
        files = checkpoint.weightFiles.map(\.name)
        digest = hexadecimal(bytes)
    }

    /// Writes the facts into the metadata of a container.
    package func record(in metadata: inout Metadata) {
        metadata.set("tool", .text(Array(Self.tool.utf8)))
        metadata.set("source.files", .texts(files.map { Array($0.utf8) }))
        metadata.set("source.digest", .text(Array(digest.utf8)))
    }
}

/// Two lower-case hexadecimal digits for each byte.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
        decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
