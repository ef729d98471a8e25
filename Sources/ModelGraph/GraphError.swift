/// Which rule of a well-formed graph a node breaks.
package enum GraphError: Error, Equatable, Sendable {
    /// A value number that the graph does not have.
    case unknownValue(Int)
    /// The input at this place is made by no earlier node.
    case inputNotComputed(Int)
    case outputAlreadyComputed
    /// No node makes the value of this output.
    case resultNotComputed(OutputRole)
    case inputCount(expected: Int, found: Int)
    case rows(expected: RowCount, found: RowCount)
    case columns(expected: Int, found: Int)
    case noParameter(String)
    case parameterShape(String, expected: TensorPattern, found: [Int])
    /// The numbers of a parameter do not have its shape.
    case storageShape(String, expected: [Int], found: [Int])
    case tableTooSmall(String, needed: Int, found: Int)
    /// Kept tokens of a vocabulary of another size.
    case keptTokens(expected: Int, found: Int)
    case noTables
    case headCounts(heads: Int, keyValueHeads: Int)
    case notPositive(String, Float)
    case notFinite(String, Float)
    /// A width that is no multiple of that of a head or a group.
    case notDivisible(columns: Int, by: Int)
    /// More columns of a head are turned than it has.
    case rotatedSize(Int, headSize: Int)
    /// A window needs a causal mask and one key at least.
    case window(Int, mask: Attention.Mask)
    /// What codes span must have 0 in it and be neither too narrow nor infinite.
    case inputRange(ClosedRange<Float>)
}

extension GraphError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownValue(let index):
            "value \(index) does not exist"
        case .inputNotComputed(let place):
            "input \(place) is made by no earlier node"
        case .outputAlreadyComputed:
            "its output is already made by an earlier node"
        case .resultNotComputed(let role):
            "no node makes the output \(role.rawValue)"
        case .inputCount(let expected, let found):
            "expected \(expected) inputs, found \(found)"
        case .rows(let expected, let found):
            "expected \(expected.description) rows, found \(found.description)"
        case .columns(let expected, let found):
            "expected \(expected) columns, found \(found)"
        case .noParameter(let name):
            "parameter '\(name)' is missing"
        case .parameterShape(let name, let expected, let found):
            "parameter '\(name)': expected shape \(expected), found \(found)"
        case .storageShape(let name, let expected, let found):
            "parameter '\(name)': its shape is \(expected) but its numbers have \(found)"
        case .tableTooSmall(let name, let needed, let found):
            "parameter '\(name)': \(needed) rows are needed, found \(found)"
        case .keptTokens(let expected, let found):
            "tokens were kept of a vocabulary of \(found), the model has one of \(expected)"
        case .noTables:
            "an embedding without tables"
        case .headCounts(let heads, let keyValueHeads):
            "\(heads) heads cannot share \(keyValueHeads) key and value heads"
        case .inputRange(let range):
            "codes cannot span \(range): it must hold 0 and be of finite width, at least 2^-100"
        case .notPositive(let name, let value):
            "\(name) must be positive and finite, found \(value)"
        case .notFinite(let name, let value):
            "\(name) must be finite, found \(value)"
        case .notDivisible(let columns, let divisor):
            "\(columns) columns are not a multiple of \(divisor)"
        case .rotatedSize(let rotated, let headSize):
            "\(rotated) columns of a head cannot be turned, it has \(headSize)"
        case .window(let window, _) where window < 1:
            "a window of \(window) keys"
        case .window:
            "a window without a causal mask"
        }
    }
}

extension RowCount {
    fileprivate var description: String {
        switch self {
        case .tokens: "one per token"
        case .fixed(let count): String(count)
        }
    }
}
