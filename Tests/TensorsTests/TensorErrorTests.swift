import Tensors
import Testing

@Suite struct TensorErrorTests {
    @Test func sentencesNameTheNumbers() {
        #expect(
            TensorError.elementCountMismatch(shape: [2, 3], found: 5).description
                == "shape [2, 3] is not filled by 5 values")
        #expect(
            TensorError.byteCountMismatch(elementType: .bfloat16, elementCount: 4, found: 7)
                .description == "4 elements of type BF16 do not fit 7 bytes")
        #expect(
            TensorError.dimensionTooLarge(1 << 32).description
                == "a matrix dimension of 4294967296 is larger than 2147483647")
    }
}
