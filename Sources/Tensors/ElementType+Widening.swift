extension ElementType {
    /// Converts stored elements to float32.
    ///
    /// Exact for every type of at most 16 bits and for `F32`; 32- and 64-bit integers and `F64`
    /// round to nearest, ties to even. `BOOL` becomes 0 or 1.
    ///
    /// - Parameters:
    ///   - bytes: `count · byteCount` bytes; need not be aligned.
    ///   - output: room for `count` elements.
    /// - Throws: `TensorError.noFloatValue` for complex numbers, `TensorError.byteCountMismatch`
    ///   if the two sizes do not belong together.
    package func widen(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>
    ) throws(TensorError) {
        let (expected, overflow) = output.count.multipliedReportingOverflow(by: byteCount)
        guard !overflow, bytes.count == expected else {
            throw .byteCountMismatch(
                elementType: self, elementCount: output.count, found: bytes.count)
        }
        switch self {
        case .float32:
            UnsafeMutableRawBufferPointer(output).copyMemory(from: bytes)
        case .float64:
            convert(bytes, output) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
        case .float16:
            convert(bytes, output) { HalfFloat.widen(UInt16(littleEndian: $0)) }
        case .bfloat16:
            convert(bytes, output) { BrainFloat.widen(UInt16(littleEndian: $0)) }
        case .float8E5M2, .float8E4M3, .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0:
            let table = (0...255).map { Self.widenFloat8(UInt8($0), as: self) }
            convert(bytes, output) { (code: UInt8) in table[Int(code)] }
        case .int64: convert(bytes, output) { Float(Int64(littleEndian: $0)) }
        case .int32: convert(bytes, output) { Float(Int32(littleEndian: $0)) }
        case .int16: convert(bytes, output) { Float(Int16(littleEndian: $0)) }
        case .int8: convert(bytes, output) { Float($0 as Int8) }
        case .uint64: convert(bytes, output) { Float(UInt64(littleEndian: $0)) }
        case .uint32: convert(bytes, output) { Float(UInt32(littleEndian: $0)) }
        case .uint16: convert(bytes, output) { Float(UInt16(littleEndian: $0)) }
        case .uint8: convert(bytes, output) { Float($0 as UInt8) }
        case .bool: convert(bytes, output) { ($0 as UInt8) == 0 ? 0 : 1 }
        case .complex64:
            throw .noFloatValue(self)
        }
    }

    /// Meaning of one code of an 8-bit floating-point type.
    private static func widenFloat8(_ code: UInt8, as type: ElementType) -> Float {
        let mantissaBits: Int
        let bias: Int
        switch type {
        case .float8E8M0:
            let power = Int(code) - 127
            return code == 0xFF ? .nan : Float(sign: .plus, exponent: power, significand: 1)
        case .float8E5M2: (mantissaBits, bias) = (2, 15)
        case .float8E4M3: (mantissaBits, bias) = (3, 7)
        case .float8E5M2FNUZ: (mantissaBits, bias) = (2, 16)
        default: (mantissaBits, bias) = (3, 8)
        }
        let sign: FloatingPointSign = code & 0x80 == 0 ? .plus : .minus
        let magnitude = Int(code & 0x7F)
        let exponent = magnitude >> mantissaBits
        let mantissa = magnitude & ((1 << mantissaBits) - 1)
        switch type {
        case .float8E5M2 where exponent == 31:
            guard mantissa == 0 else { return .nan }
            return sign == .plus ? .infinity : -.infinity
        case .float8E4M3 where magnitude == 0x7F:
            return .nan
        case .float8E5M2FNUZ where code == 0x80, .float8E4M3FNUZ where code == 0x80:
            return .nan
        default:
            let significand = exponent == 0 ? mantissa : mantissa + (1 << mantissaBits)
            let power = max(exponent, 1) - bias - mantissaBits
            return Float(sign: sign, exponent: power, significand: Float(significand))
        }
    }
}

@inline(__always)
private func convert<Element>(
    _ bytes: UnsafeRawBufferPointer, _ output: UnsafeMutableBufferPointer<Float>,
    _ body: (Element) -> Float
) where Element: BitwiseCopyable {
    for index in 0..<output.count {
        let offset = index &* MemoryLayout<Element>.size
        output[index] = body(bytes.loadUnaligned(fromByteOffset: offset, as: Element.self))
    }
}
