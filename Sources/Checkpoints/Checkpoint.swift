package import Tensors

/// Float weights as training left them, with the files that lie beside them.
///
/// Weights are mapped, not read; their files must not be changed while the checkpoint is in use.
package final class Checkpoint: Sendable {
    /// The path that was opened: a folder or a weight file.
    package let path: String
    /// `config.json`; nil for a bare weight file without one.
    package let configuration: JSONValue?
    /// Names of all tensors, in ascending order of their UTF-8 bytes.
    package let tensorNames: [String]

    let folder: CheckpointFolder
    let directory: TensorDirectory

    /// Opens a Hugging Face folder or a bare `.safetensors` file; reads no weights.
    ///
    /// A folder must have `config.json` and either `model.safetensors` or
    /// `model.safetensors.index.json` with the files that it names. Beside a bare file,
    /// `config.json` is read if it is there.
    package init(path: String) throws(CheckpointError) {
        self.path = path
        let source = try CheckpointSource(path: path)
        folder = source.folder
        directory = try source.openWeights()
        tensorNames = directory.names
        configuration = try folder.json("config.json", limit: 16 << 20)
        if configuration == nil && source.isFolder {
            throw .noConfiguration(folder: path)
        }
    }

    /// Oddities that do not make the weights wrong, one sentence each.
    package var warnings: [String] {
        directory.warnings
    }

    package func contains(_ name: String) -> Bool {
        directory.find(name) != nil
    }

    /// The dimensions of a tensor; nil if there is no such tensor.
    package func shape(of name: String) -> [Int]? {
        directory.find(name)?.entry.shape
    }

    /// How the elements of a tensor are stored; nil if there is no such tensor.
    package func elementType(of name: String) -> ElementType? {
        directory.find(name)?.entry.elementType
    }

    /// Bytes that a tensor takes in its file; nil if there is no such tensor.
    package func byteCount(of name: String) -> Int? {
        directory.find(name)?.entry.byteRange.count
    }

    /// The name of the file that a tensor lies in; nil if there is no such tensor.
    package func fileName(of name: String) -> String? {
        directory.find(name)?.file.name
    }
}
