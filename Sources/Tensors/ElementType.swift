/// How one element of a stored tensor is encoded; little-endian.
///
/// Raw values are the tags of the safetensors format. `F8_E4M3` is the variant without infinities
/// (OCP 8-bit floating point, "E4M3FN"); the FNUZ variants have neither infinities nor a negative
/// zero; `F8_E8M0` is a power of two.
package enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3 = "F8_E4M3"
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    case float8E8M0 = "F8_E8M0"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"
    case complex64 = "C64"

    /// The safetensors tag, for instance `BF16`.
    package var name: String {
        rawValue
    }

    /// The type with this safetensors tag, if it is one with whole bytes per element.
    package init?(name: String) {
        self.init(rawValue: name)
    }

    /// Bytes per element.
    package var byteCount: Int {
        switch self {
        case .float64, .int64, .uint64, .complex64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float8E5M2, .float8E4M3, .float8E5M2FNUZ, .float8E4M3FNUZ, .float8E8M0, .int8,
            .uint8, .bool:
            1
        }
    }
}
