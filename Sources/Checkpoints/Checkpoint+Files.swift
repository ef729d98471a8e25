extension Checkpoint {
    /// A weight file of the checkpoint.
    package struct WeightFile: Hashable, Sendable {
        package let name: String
        package let byteCount: Int
    }

    /// The weight files, in ascending order of their names.
    package var weightFiles: [WeightFile] {
        directory.files.map { WeightFile(name: $0.name, byteCount: $0.mapping.byteCount) }
    }

    /// Lends the bytes of a weight file from front to back in pieces, for hashing, and releases
    /// their pages.
    package func forEachPiece(
        of file: WeightFile, maximumByteCount: Int = 1 << 22,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(CheckpointError) {
        guard let mapping = directory.files.first(where: { $0.name == file.name })?.mapping else {
            throw .notFound(path: file.name)
        }
        mapping.forEachPiece(of: 0..<mapping.byteCount, maximumByteCount: maximumByteCount, body)
    }

    /// Most bytes that `file(named:)` reads.
    package static let sideFileByteLimit = 256 << 20

    /// The content of a file beside the weights; nil if there is none.
    ///
    /// - Parameter name: For instance `tokenizer.json` or `1_Pooling/config.json`.
    /// - Throws: Also if the name or a link would leave the folder, or if the file has more than
    ///   256 MiB.
    package func file(named name: String) throws(CheckpointError) -> [UInt8]? {
        try folder.read(name, limit: Self.sideFileByteLimit)
    }

    /// A file beside the weights, parsed as JSON; nil if there is none.
    package func json(named name: String) throws(CheckpointError) -> JSONValue? {
        try folder.json(name, limit: Self.sideFileByteLimit)
    }
}
