package import CEdgeKernels

/// The kernels of one instruction set.
package struct InstructionSet: @unchecked Sendable {
    package let index: Int
    /// The table; its functions never change.
    package let kernels: edgek_table

    private init?(index: Int) {
        guard let table = edgek_table_at(Int32(index)) else { return nil }
        self.index = index
        kernels = table.pointee
    }

    /// ASCII, for instance `avx2`.
    package var name: [UInt8] {
        guard let name = kernels.name else { return [] }
        var bytes: [UInt8] = []
        var index = 0
        while name[index] != 0 {
            bytes.append(UInt8(bitPattern: name[index]))
            index += 1
        }
        return bytes
    }

    package var isSupported: Bool {
        edgek_table_is_supported(Int32(index)) != 0
    }

    /// All instruction sets that were compiled in, slowest first.
    package static var all: [InstructionSet] {
        (0..<Int(edgek_table_count())).compactMap { InstructionSet(index: $0) }
    }

    /// The fastest instruction set that this CPU supports.
    package static var fastest: InstructionSet {
        guard let fastest = InstructionSet(index: Int(edgek_fastest_table())) else {
            fatalError("the scalar kernels are always compiled in")
        }
        return fastest
    }

    /// The instruction set with a name, which this CPU must support.
    package static func named(_ name: [UInt8]) throws(RuntimeError) -> InstructionSet {
        for candidate in all where candidate.name == name {
            guard candidate.isSupported else { throw .unsupportedInstructionSet(name: name) }
            return candidate
        }
        throw .unknownInstructionSet(name: name)
    }
}
