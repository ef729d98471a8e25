package import Checkpoints
package import Tensors

/// Why a checkpoint does not become a model, or a model does not run.
package enum ModelError: Error, Equatable, Sendable {
    case checkpoint(CheckpointError)

    // What `config.json` and the files beside it say.
    case noConfiguration(path: String)
    /// A field is missing or of the wrong kind.
    case malformedField(file: String, field: String, expected: String, found: String)
    case unsupportedArchitecture(String)
    /// A field has a value that is not supported.
    case unsupportedValue(file: String, field: String, value: String, supported: String)
    /// The checkpoint is meant for a head that is not supported.
    case unsupportedHead(architecture: String)
    /// A field contradicts the tensors.
    case contradiction(field: String, configured: Int, found: Int)
    /// The head is not tied to the token table, and there is none.
    case noHead(tensor: String)
    case labelCountMismatch(labels: Int, outputs: Int)
    /// A module of a sentence-transformers model that is not supported.
    case unsupportedModule(String)
    /// Sentence-transformers poolings that are not one of mean, CLS and maximum.
    case unsupportedPooling([String])
    case taskUnavailable(ModelTask, missing: String)

    // What the tensors are.
    case missingTensor(String, expected: TensorPattern)
    case wrongShape(tensor: String, expected: TensorPattern, found: [Int])
    case missingLayer(Int, layerCount: Int)
    case widthNotDivisible(tensor: String, width: Int, by: Int)
    case crossAttention(tensor: String)

    /// The graph is not well formed at this node.
    case graph(node: String, GraphError)

    // What is wrong with an input or while it is computed.
    case noTokens
    case tooManyTokens(count: Int, maximum: Int)
    case tokenOutOfRange(position: Int, id: Int32, vocabularySize: Int)
    case typeOutOfRange(position: Int, id: Int32, typeCount: Int)
    case typeCountMismatch(tokens: Int, types: Int)
    case tensor(node: String, TensorError)
}

extension ModelError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .checkpoint(let error):
            error.description
        case .graph(let node, let error):
            "node \(node.quoted): \(error)"
        case .missingTensor(let name, let expected):
            "tensor \(name.quoted): missing; expected shape \(expected)"
        case .wrongShape(let name, let expected, let found):
            "tensor \(name.quoted): expected shape \(expected), found \(found)"
        case .missingLayer(let layer, let count):
            "layer \(layer) has no tensors although there are \(count) layers"
        case .widthNotDivisible(let name, let width, let divisor):
            "tensor \(name.quoted): a width of \(width) is not a multiple of \(divisor)"
        case .crossAttention(let name):
            "tensor \(name.quoted): cross-attention is not supported in an encoder"
        case .noTokens:
            "the input has no tokens"
        case .tooManyTokens(let count, let maximum):
            "the input has \(count) tokens but the model takes \(maximum) at most"
        case .tokenOutOfRange(let position, let id, let size):
            "token \(id) at position \(position) is not in 0..<\(size)"
        case .typeOutOfRange(let position, let id, let count):
            "token type \(id) at position \(position) is not in 0..<\(count)"
        case .typeCountMismatch(let tokens, let types):
            "\(types) token types for \(tokens) tokens"
        case .tensor(let node, let error):
            "node \(node.quoted): \(error)"
        default:
            configurationDescription
        }
    }

    private var configurationDescription: String {
        switch self {
        case .noConfiguration(let path):
            "\(path): no config.json beside the weights"
        case .malformedField(let file, let field, let expected, let found):
            "\(file): \(field) must be \(expected), found \(found)"
        case .unsupportedArchitecture(let name):
            "config.json: model type \(name.quoted) is not supported"
        case .unsupportedValue(let file, let field, let value, let supported):
            "\(file): \(field) \(value.quoted) is not supported; supported: \(supported)"
        case .unsupportedHead(let architecture):
            "config.json: the head of \(architecture.quoted) is not supported; "
                + "task raw goes without it"
        case .contradiction(let field, let configured, let found):
            "config.json: \(field) is \(configured) but the tensors have \(found)"
        case .noHead(let tensor):
            "tensor \(tensor.quoted): missing although tie_word_embeddings is false"
        case .labelCountMismatch(let labels, let outputs):
            "config.json: id2label has \(labels) labels but the classifier has \(outputs) outputs"
        case .unsupportedModule(let type):
            "modules.json: module \(type.quoted) is not supported"
        case .unsupportedPooling(let modes) where modes.isEmpty:
            "1_Pooling/config.json: no pooling is chosen"
        case .unsupportedPooling(let modes):
            "pooling \(modes.joined(separator: " + ")) is not supported; "
                + "supported: one of mean, cls, max"
        case .taskUnavailable(let task, let missing):
            "the checkpoint cannot \(task.rawValue): it has no \(missing)"
        default:
            ""
        }
    }
}
