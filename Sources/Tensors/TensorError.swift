/// What can be wrong with tensors that are put together.
package enum TensorError: Error, Equatable, Sendable {
    /// A shape is not filled by the values given for it.
    case elementCountMismatch(shape: [Int], found: Int)
    /// Stored bytes are not as many as the elements need.
    case byteCountMismatch(elementType: ElementType, elementCount: Int, found: Int)
    /// Elements of this type are not real numbers.
    case noFloatValue(ElementType)
    /// Matrices whose shapes do not allow the product x · wᵀ.
    case productShapeMismatch(input: [Int], weight: [Int])
    /// A bias that does not have one element per output.
    case biasShapeMismatch(expected: Int, found: [Int])
    /// A matrix dimension beyond what BLAS can index.
    case dimensionTooLarge(Int)
}

extension TensorError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .elementCountMismatch(let shape, let found):
            "shape \(shape) is not filled by \(found) values"
        case .byteCountMismatch(let type, let count, let found):
            "\(count) elements of type \(type.name) do not fit \(found) bytes"
        case .noFloatValue(let type):
            "elements of type \(type.name) have no real value"
        case .productShapeMismatch(let input, let weight):
            "an input of shape \(input) cannot be multiplied with a weight of shape \(weight)"
        case .biasShapeMismatch(let expected, let found):
            "a bias of shape \(found) does not fit \(expected) outputs"
        case .dimensionTooLarge(let dimension):
            "a matrix dimension of \(dimension) is larger than 2147483647"
        }
    }
}
