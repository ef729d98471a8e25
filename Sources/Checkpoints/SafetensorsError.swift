/// Which rule of the safetensors format a file breaks.
package enum SafetensorsError: Error, Equatable, Sendable {
    case tooSmall(byteCount: Int)
    case headerTooLarge(byteCount: UInt64, limit: Int)
    case headerPastEnd(headerByteCount: Int, fileByteCount: Int)
    case headerDoesNotStartWithBrace(found: UInt8)
    case emptyHeader
    case json(JSONError)
    /// `__metadata__` is not a map from strings to strings.
    case metadataNotStrings(key: String?)
    case duplicateMetadata(key: String)
    case duplicateTensor(String)
    case entryNotObject(tensor: String)
    case missingField(tensor: String, field: String)
    case unknownField(tensor: String, field: String)
    case duplicateField(tensor: String, field: String)
    case elementTypeNotString(tensor: String)
    case unknownElementType(tensor: String, tag: String)
    case subByteElementType(tensor: String, tag: String)
    /// The shape is not an array of integers that are at least 0.
    case malformedShape(tensor: String)
    case tooManyDimensions(tensor: String, limit: Int)
    case sizeOverflow(tensor: String)
    /// The offsets are not an array of two integers that are at least 0.
    case malformedOffsets(tensor: String)
    case reversedOffsets(tensor: String, begin: Int, end: Int)
    /// Offsets counted from the start of the file.
    case offsetsPastEnd(tensor: String, begin: Int, end: Int, fileByteCount: Int)
    case sizeMismatch(tensor: String, expected: Int, found: Int)
    case overlap(tensor: String, other: String)
    /// Bytes before a tensor that belong to none.
    case hole(tensor: String, byteCount: Int)
    /// Bytes after the last tensor.
    case trailingBytes(count: Int)
}

extension SafetensorsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooSmall(let byteCount):
            "\(byteCount) bytes are too few for a safetensors file"
        case .headerTooLarge(let byteCount, let limit):
            "a header of \(byteCount) bytes is larger than the limit of \(limit)"
        case .headerPastEnd(let header, let file):
            "a header of \(header) bytes runs past the end of the file (\(file) bytes)"
        case .headerDoesNotStartWithBrace(let found):
            "the header starts with byte \(found) instead of '{'"
        case .emptyHeader:
            "the header is empty"
        case .json(let error):
            "header: \(error)"
        case .metadataNotStrings(nil):
            "__metadata__ is not an object"
        case .metadataNotStrings(let key?):
            "the value of \(key.quoted) in __metadata__ is not a string"
        case .duplicateMetadata(let key):
            "\(key.quoted) occurs twice in __metadata__"
        case .duplicateTensor(let tensor):
            "tensor \(tensor.quoted) occurs twice"
        case .trailingBytes(let count):
            "\(count) bytes follow the last tensor"
        default:
            tensorDescription
        }
    }

    private var tensorDescription: String {
        let (tensor, text) = tensorParts
        return "tensor \(tensor.quoted): \(text)"
    }

    private var tensorParts: (tensor: String, text: String) {
        switch self {
        case .entryNotObject(let tensor):
            (tensor, "its header entry is not an object")
        case .missingField(let tensor, let field):
            (tensor, "\(field) is missing")
        case .unknownField(let tensor, let field):
            (tensor, "unknown field \(field.quoted)")
        case .duplicateField(let tensor, let field):
            (tensor, "\(field) occurs twice")
        case .elementTypeNotString(let tensor):
            (tensor, "dtype is not a string")
        case .unknownElementType(let tensor, let tag):
            (tensor, "unknown element type \(tag.quoted)")
        case .subByteElementType(let tensor, let tag):
            (tensor, "element type \(tag), with less than one byte per element, is not supported")
        case .malformedShape(let tensor):
            (tensor, "shape is not an array of integers from 0")
        case .tooManyDimensions(let tensor, let limit):
            (tensor, "more than \(limit) dimensions")
        case .sizeOverflow(let tensor):
            (tensor, "its size does not fit in 64 bits")
        case .malformedOffsets(let tensor):
            (tensor, "data_offsets is not an array of two integers from 0")
        case .reversedOffsets(let tensor, let begin, let end):
            (tensor, "data_offsets \(begin)..\(end) are reversed")
        case .offsetsPastEnd(let tensor, let begin, let end, let count):
            (tensor, "offsets \(begin)..\(end) run past the end of the file (\(count) bytes)")
        case .sizeMismatch(let tensor, let expected, let found):
            (tensor, "its shape needs \(expected) bytes but data_offsets span \(found)")
        case .overlap(let tensor, let other):
            (tensor, "its bytes overlap those of tensor \(other.quoted)")
        case .hole(let tensor, let byteCount):
            (tensor, "\(byteCount) bytes before it belong to no tensor")
        default:
            ("", "")
        }
    }
}
