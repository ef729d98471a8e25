package import Tensors

/// Float weights as training left them, with the files that lie beside them.
package final class Checkpoint: Sendable {
    /// The path that was opened: a folder or a weight file.
    package let path: String
    /// `config.json`; nil for a bare weight file without one.
    package let configuration: JSONValue?
    /// Names of all tensors, in ascending order of their UTF-8 bytes.
    package let tensorNames: [String]
    /// Oddities that do not make the weights wrong, one sentence each.
    package let warnings: [String]

    /// Opens a Hugging Face folder or a bare `.safetensors` file. Reads no weights.
    package init(path: String) throws(CheckpointError) {
        fatalError()
    }

    package func contains(_ name: String) -> Bool {
        fatalError()
    }

    /// - Precondition: The checkpoint contains the tensor; so for all that follow, unless they throw.
    package func shape(of name: String) -> [Int]? {
        fatalError()
    }

    package func elementType(of name: String) -> ElementType? {
        fatalError()
    }

    /// Bytes that the tensor takes in its file.
    package func byteCount(of name: String) -> Int? {
        fatalError()
    }

    /// Lends the stored bytes of a tensor and releases their pages afterwards.
    package func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(CheckpointError) -> Result {
        fatalError()
    }

    /// A tensor, widened to float32.
    package func floats(_ name: String) throws(CheckpointError) -> Tensor {
        fatalError()
    }

    /// Some rows (of the first dimension) of a tensor, widened to float32.
    package func floats(_ name: String, rows: Range<Int>) throws(CheckpointError) -> Tensor {
        fatalError()
    }

    /// The content of a file beside the weights, for instance `tokenizer.json` or
    /// `1_Pooling/config.json`; nil if there is none.
    package func file(named name: String) throws(CheckpointError) -> [UInt8]? {
        fatalError()
    }

    /// A weight file of the checkpoint.
    package struct WeightFile: Hashable, Sendable {
        package let name: String
        package let byteCount: Int
    }

    /// The weight files, in ascending order of their names.
    package var weightFiles: [WeightFile] {
        fatalError()
    }

    /// Lends the bytes of a weight file in consecutive pieces, for hashing.
    package func forEachPiece(
        of file: WeightFile, maximumByteCount: Int = 1 << 22,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(CheckpointError) {
        fatalError()
    }
}
