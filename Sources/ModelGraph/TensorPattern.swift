/// A shape of which some dimensions are free.
package struct TensorPattern: Hashable, Sendable, CustomStringConvertible {
    /// nil where any size is right.
    package var dimensions: [Int?]

    package init(_ dimensions: [Int?]) {
        self.dimensions = dimensions
    }

    package func matches(_ shape: [Int]) -> Bool {
        shape.count == dimensions.count
            && zip(shape, dimensions).allSatisfy { $1 == nil || $0 == $1 }
    }

    package var description: String {
        "[" + dimensions.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]"
    }
}
