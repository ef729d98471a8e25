import CEdgeKernels
import Testing

/// One kernel table that this CPU can run.
struct Kernels: Sendable, CustomTestStringConvertible {
    let index: Int32

    var table: edgek_table { edgek_table_at(index)!.pointee }
    var name: String { String(cString: table.name) }
    var testDescription: String { name }

    static let scalar = Kernels(index: 0)
    static let supported: [Kernels] = (0..<edgek_table_count())
        .filter { edgek_table_is_supported($0) != 0 }
        .map { Kernels(index: $0) }
    static let fastest = Kernels(index: edgek_fastest_table())
}

extension Float {
    /// The bits, the same for all NaNs: which NaN an operation gives differs between processors.
    var canonicalBits: UInt32 { isNaN ? 0x7fc0_0000 : bitPattern }
}

/// Rounds a count of codes up to the padding that rows of codes have.
func paddedCodes(_ count: Int) -> Int {
    let alignment = EDGEK_CODE_ALIGNMENT
    return (count + alignment - 1) / alignment * alignment
}
