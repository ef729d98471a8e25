package import Tensors

/// What can be wrong with a checkpoint; every case names its file.
package enum CheckpointError: Error, Equatable, Sendable {
    case notFound(path: String)
    case unreadable(file: String, errno: Int32)
    /// A folder, pipe or device where a file is wanted.
    case notRegularFile(file: String)
    case fileTooLarge(file: String, byteCount: Int, limit: Int)
    /// A name that could leave the folder of the checkpoint.
    case unsafeFileName(String)
    /// A link that leads out of the folder of the checkpoint.
    case leavesFolder(file: String, target: String)
    case json(file: String, JSONError)
    case safetensors(file: String, SafetensorsError)
    case noWeightMap(file: String)
    case weightMapEntryNotString(file: String, tensor: String, found: String)
    case unsafeShardName(file: String, tensor: String, shard: String)
    case shardMissing(file: String, shard: String)
    case tensorNotInShard(file: String, tensor: String, shard: String)
    case duplicateTensor(String, file: String, otherFile: String)
    /// A folder with weights but without `config.json`.
    case noConfiguration(folder: String)
    /// A folder with `config.json` but without weights; `found` are the files that are there.
    case noWeights(folder: String, found: [String])
    /// Weights in a format that is not read.
    case unsupportedWeights(file: String, format: String)
    case noTensor(String)
    case rowsOutOfRange(tensor: String, rows: Range<Int>, rowCount: Int)
    case tensor(file: String, tensor: String, TensorError)
}

extension CheckpointError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notFound(let path):
            "\(path): no such file or folder"
        case .unreadable(let file, let code):
            "\(file): cannot be read: \(systemMessage(code))"
        case .notRegularFile(let file):
            "\(file): not a regular file"
        case .fileTooLarge(let file, let byteCount, let limit):
            "\(file): \(byteCount) bytes are more than the limit of \(limit)"
        case .unsafeFileName(let name):
            "\(name.quoted) is not the name of a file in the checkpoint's folder"
        case .leavesFolder(let file, let target):
            "\(file): links to \(target.quoted), outside the checkpoint's folder"
        case .json(let file, let error):
            "\(file): \(error)"
        case .safetensors(let file, let error):
            "\(file): \(error)"
        case .noConfiguration(let folder):
            "\(folder): no config.json beside the weights"
        case .noWeights(let folder, let found) where found.isEmpty:
            "\(folder): no model.safetensors; the folder is empty"
        case .noWeights(let folder, let found):
            "\(folder): no model.safetensors; found \(found.prefix(8).joined(separator: ", "))"
                + (found.count > 8 ? " and \(found.count - 8) more" : "")
        case .unsupportedWeights(let file, let format):
            "\(file): \(format) weights are not supported; save them as safetensors"
        case .noTensor(let tensor):
            "tensor \(tensor.quoted): not in the checkpoint"
        case .rowsOutOfRange(let tensor, let rows, let count):
            "tensor \(tensor.quoted): rows \(rows) of \(count) were asked for"
        case .tensor(let file, let tensor, let error):
            "\(file): tensor \(tensor.quoted): \(error)"
        default:
            indexDescription
        }
    }

    private var indexDescription: String {
        switch self {
        case .noWeightMap(let file):
            "\(file): no object weight_map"
        case .weightMapEntryNotString(let file, let tensor, let found):
            "\(file): tensor \(tensor.quoted): expected a file name, found \(found)"
        case .unsafeShardName(let file, let tensor, let shard):
            "\(file): tensor \(tensor.quoted): \(shard.quoted) is not a bare file name"
        case .shardMissing(let file, let shard):
            "\(file): names \(shard.quoted), which is not in the folder"
        case .tensorNotInShard(let file, let tensor, let shard):
            "\(file): tensor \(tensor.quoted): not in \(shard.quoted)"
        case .duplicateTensor(let tensor, let file, let otherFile):
            "\(file): tensor \(tensor.quoted): also in \(otherFile)"
        default:
            ""
        }
    }
}
