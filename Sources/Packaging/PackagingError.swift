package import AtomicFiles
package import EdgeFormat
package import ModelGraph

/// Why a model cannot be lowered or a container cannot be written.
package enum PackagingError: Error {
    case model(ModelError)
    /// The finished directory breaks a rule of the format, for instance a limit.
    case format(FormatError)
    /// A weight whose element type the container cannot hold.
    case unsupportedElementType(tensor: String, type: String)
    /// Two tensors of one name, for instance a weight that is called like a tensor of scales.
    case duplicateTensor(String)
    /// A name or a shape that the fields of a container cannot hold.
    case overLimit(tensor: String, field: String, found: Int, limit: Int)
    /// A weight with a single row larger than a chunk.
    case rowTooLarge(tensor: String, byteCount: Int, limit: Int)
    /// A system call on the output file failed.
    case file(AtomicFileError)
    case zstd(message: String)
    /// A file that no bundle can be made of: its path and why.
    case program(String)

    package var description: String {
        switch self {
        case .model(let error):
            error.description
        case .format(let error):
            error.message
        case .unsupportedElementType(let tensor, let type):
            "tensor '\(tensor)': element type \(type) cannot be stored; F32, F16 and BF16 can"
        case .duplicateTensor(let tensor):
            "tensor \(tensor.prefix(200).debugDescription): there are two of this name"
        case .overLimit(let tensor, let field, let found, let limit):
            "tensor \(tensor.prefix(200).debugDescription): \(field) is \(found), the limit is \(limit)"
        case .rowTooLarge(let tensor, let byteCount, let limit):
            "tensor '\(tensor)': one row takes \(byteCount) bytes, the limit is \(limit)"
        case .file(let error):
            error.description
        case .zstd(let message):
            "zstd: \(message)"
        case .program(let text):
            text
        }
    }
}
