import Glibc

/// What a path given as a checkpoint denotes, before any weights are opened.
struct CheckpointSource {
    let folder: CheckpointFolder
    /// Whether the path is a folder rather than a weight file.
    let isFolder: Bool
    private let path: String

    init(path: String) throws(CheckpointError) {
        self.path = path
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw .notFound(path: path) }
            throw .unreadable(file: path, errno: errno)
        }
        isFolder = status.st_mode & S_IFMT == S_IFDIR
        if isFolder {
            folder = try CheckpointFolder(path: path)
        } else {
            let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            let isAtRoot = parent.allSatisfy(\.isEmpty) && path.hasPrefix("/")
            folder = try CheckpointFolder(
                path: parent.isEmpty ? "." : isAtRoot ? "/" : parent.joined(separator: "/"))
        }
    }

    /// Opens the weights; a bare file is opened wherever a link leads, as its user named it.
    func openWeights() throws(CheckpointError) -> TensorDirectory {
        guard isFolder else {
            let name = String(path.split(separator: "/").last ?? "")
            if let format = Self.format(ofFileNamed: name), format != "safetensors" {
                throw .unsupportedWeights(file: name, format: format)
            }
            return TensorDirectory(file: try SafetensorsFile(path: path, name: name))
        }
        if let file = try folder.locate("model.safetensors") {
            return TensorDirectory(
                file: try SafetensorsFile(path: file, name: "model.safetensors"))
        }
        if let json = try folder.json(ShardIndex.fileName, limit: ShardIndex.byteLimit) {
            return try TensorDirectory(index: try ShardIndex(json), in: folder)
        }
        let names = folder.names()
        for name in names {
            if let format = Self.format(ofFileNamed: name), format != "safetensors" {
                throw .unsupportedWeights(file: name, format: format)
            }
        }
        throw .noWeights(folder: path, found: names)
    }

    /// The format of a weight file by the ending of its name; nil if it is not that of weights.
    private static func format(ofFileNamed name: String) -> String? {
        switch name.split(separator: ".").last.map(String.init) {
        case "safetensors": "safetensors"
        case "bin" where name.hasPrefix("pytorch_model"), "pt", "pth", "ckpt": "PyTorch"
        case "onnx": "ONNX"
        case "gguf": "GGUF"
        case "npz", "npy": "NumPy"
        case "h5", "keras": "Keras"
        case "msgpack": "Flax"
        case "tflite": "TensorFlow Lite"
        default: nil
        }
    }
}

extension CheckpointFolder {
    /// A file parsed as JSON; nil if there is no such file.
    func json(_ name: String, limit: Int) throws(CheckpointError) -> JSONValue? {
        guard let bytes = try read(name, limit: limit) else { return nil }
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw .json(file: name, error)
        }
    }
}
