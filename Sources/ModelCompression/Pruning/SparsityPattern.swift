/// Which weights of a matrix `[rows, columns]` may be removed together.
enum SparsityPattern: Equatable, Sendable {
    case unstructured
    /// Of each `of` neighbouring inputs of a row, `kept` are kept.
    case groups(kept: Int, of: Int)
    /// Blocks of so many outputs and inputs go as a whole.
    case blocks(rows: Int, columns: Int)

    /// Largest group and largest side of a block.
    static let sizeLimit = 64
    /// The weights that one dot-product instruction of 512 bits reads: 16 outputs, 4 inputs each.
    static let instructionBlock = SparsityPattern.blocks(rows: 16, columns: 4)
    static let spellings = ["unstructured", "block", "RxC", "2:4", "N:M"]

    /// Reads `unstructured`, `block` (16x4), `RxC` (rows × columns of a block) or `N:M` (N of M
    /// neighbours are kept).
    ///
    /// - Returns: nil if the text is none of these or a number is out of range.
    init?(_ text: String) {
        switch text {
        case "unstructured": self = .unstructured
        case "block": self = .instructionBlock
        default:
            if let (kept, size) = Self.numbers(text, separator: ":"), kept < size {
                self = .groups(kept: kept, of: size)
            } else if let (rows, columns) = Self.numbers(text, separator: "x") {
                self = .blocks(rows: rows, columns: columns)
            } else {
                return nil
            }
        }
    }

    var description: String {
        switch self {
        case .unstructured: "unstructured"
        case .groups(let kept, let size): "\(kept) of \(size) are kept"
        case .blocks(let rows, let columns): "blocks of \(rows)x\(columns)"
        }
    }

    private static func numbers(_ text: String, separator: Character) -> (Int, Int)? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int(parts[0]), let second = Int(parts[1]),
            (1...sizeLimit).contains(first), (1...sizeLimit).contains(second)
        else { return nil }
        return (first, second)
    }

    /// The share of zeros where the pattern decides it.
    var fixedSparsity: Double? {
        guard case .groups(let kept, let size) = self else { return nil }
        return Double(size - kept) / Double(size)
    }

    /// Rows and columns of a block; single weights where there are none.
    var blockSize: (rows: Int, columns: Int) {
        guard case .blocks(let rows, let columns) = self else { return (1, 1) }
        return (rows, columns)
    }

    /// Neighbouring inputs that are decided upon together.
    var columnUnit: Int {
        switch self {
        case .unstructured: 1
        case .groups(_, let size): size
        case .blocks(_, let columns): columns
        }
    }

    /// How many of `count` neighbours of a row are removed; fewer than a group is at the end of a
    /// row whose length the group does not divide.
    static func removed(from count: Int, kept: Int, of size: Int) -> Int {
        count * (size - kept) / size
    }

    /// How many of the first `count` weights or blocks are removed.
    static func removed(from count: Int, sparsity: Double) -> Int {
        min(count, Int((sparsity * Double(count)).rounded()))
    }
}
