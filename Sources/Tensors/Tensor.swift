/// An n-dimensional array of float32 in row-major order; an empty shape is a scalar.
package struct Tensor: Equatable, Sendable {
    package let shape: [Int]
    /// As many as the shape says; may be changed in place but not in number.
    package var values: [Float]

    /// - Precondition: `values` has as many elements as `shape` says. Data that was not checked
    ///   before goes through `init(checking:values:)`.
    package init(shape: [Int], values: [Float]) {
        precondition(
            Tensor.elementCount(of: shape) == values.count, "values must fill the shape")
        self.shape = shape
        self.values = values
    }

    /// - Throws: `TensorError.elementCountMismatch` if `values` does not fill `shape`.
    package init(checking shape: [Int], values: [Float]) throws(TensorError) {
        guard Tensor.elementCount(of: shape) == values.count else {
            throw .elementCountMismatch(shape: shape, found: values.count)
        }
        self.shape = shape
        self.values = values
    }

    package init(zeros shape: [Int]) {
        let count = Tensor.elementCount(of: shape)
        precondition(count != nil, "the shape must have a representable element count")
        self.init(shape: shape, values: [Float](repeating: 0, count: count ?? 0))
    }

    package var elementCount: Int {
        values.count
    }

    /// All dimensions but the last, multiplied: rows of the tensor seen as a matrix.
    package var rowCount: Int {
        shape.dropLast().reduce(1, *)
    }

    /// The last dimension; 1 for a scalar.
    package var columnCount: Int {
        shape.last ?? 1
    }

    /// The product of the dimensions; nil if one is negative, or if the product of those that are
    /// not 0 does not fit.
    package static func elementCount(of shape: [Int]) -> Int? {
        var product = 1
        for dimension in shape {
            if dimension < 0 { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(1, dimension))
            if overflow { return nil }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }
}
