import Tensors
import Testing

@Suite struct ElementTypeTests {
    @Test func tagsLeadBackToTheirTypes() {
        for type in ElementType.allCases {
            #expect(ElementType(name: type.name) == type)
        }
        #expect(ElementType(name: "F4") == nil)
        #expect(ElementType(name: "f32") == nil)
    }

    @Test func numbersOfEveryTypeAreWidened() throws {
        #expect(try widen([1.5 as Double, -1e300], .float64) == [1.5, -.infinity])
        #expect(try widen([0x7FC0_0001 as UInt32], .float32).first?.bitPattern == 0x7FC0_0001)
        #expect(try widen([0x3C00 as UInt16, 0x8001], .float16) == [1, -0x1p-24])
        #expect(try widen([0x3F80 as UInt16, 0xC040], .bfloat16) == [1, -3])
        #expect(try widen([Int64.min, 16_777_217], .int64) == [-0x1p63, 16_777_216])
        #expect(try widen([Int32.min, 7], .int32) == [-0x1p31, 7])
        #expect(try widen([Int16.min, 7], .int16) == [-32768, 7])
        #expect(try widen([Int8.min, 7], .int8) == [-128, 7])
        #expect(try widen([UInt64.max], .uint64) == [0x1p64])
        #expect(try widen([UInt32.max], .uint32) == [0x1p32])
        #expect(try widen([UInt16.max], .uint16) == [65535])
        #expect(try widen([UInt8.max], .uint8) == [255])
        #expect(try widen([0 as UInt8, 1], .bool) == [0, 1])
    }

    @Test func eightBitFloatsFollowTheirDefinitions() throws {
        // OCP 8-bit Floating Point Specification (OFP8), table 1.
        #expect(
            try widen([0x38 as UInt8, 0x7E, 0x01, 0x08, 0x80], .float8E4M3)
                == [1, 448, 0x1p-9, 0x1p-6, -0.0])
        #expect(try widen([0x7F as UInt8], .float8E4M3)[0].isNaN)
        #expect(
            try widen([0x3C as UInt8, 0x7B, 0x01, 0x04, 0xFC], .float8E5M2)
                == [1, 57344, 0x1p-16, 0x1p-14, -.infinity])
        #expect(try widen([0x7D as UInt8], .float8E5M2)[0].isNaN)
        #expect(try widen([0x40 as UInt8, 0x7F, 0x01], .float8E4M3FNUZ) == [1, 240, 0x1p-10])
        #expect(try widen([0x80 as UInt8], .float8E4M3FNUZ)[0].isNaN)
        #expect(try widen([0x40 as UInt8, 0x7F, 0x01], .float8E5M2FNUZ) == [1, 57344, 0x1p-17])
        #expect(try widen([0x80 as UInt8], .float8E5M2FNUZ)[0].isNaN)
        #expect(try widen([127 as UInt8, 0, 254], .float8E8M0) == [1, 0x1p-127, 0x1p127])
        #expect(try widen([255 as UInt8], .float8E8M0)[0].isNaN)
    }

    @Test func complexNumbersHaveNoRealValue() {
        #expect(throws: TensorError.noFloatValue(.complex64)) {
            try widen([0 as UInt64], .complex64)
        }
    }

    @Test func bytesThatDoNotFitAreRefused() {
        let error = TensorError.byteCountMismatch(
            elementType: .float16, elementCount: 2, found: 3)
        #expect(throws: error) {
            try widen([1, 2, 3] as [UInt8], .float16, count: 2)
        }
    }

    private func widen<Element: BitwiseCopyable>(
        _ elements: [Element], _ type: ElementType, count: Int? = nil
    ) throws -> [Float] {
        var output = [Float](repeating: -1, count: count ?? elements.count)
        try output.withUnsafeMutableBufferPointer { output in
            try elements.withUnsafeBytes { try type.widen($0, into: output) }
        }
        return output
    }
}
