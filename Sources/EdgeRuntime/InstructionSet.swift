package import CEdgeKernels
import CEdgePlatform

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

    /// Measures the int8 peak of one core for about 50 ms.
    ///
    /// - Returns: multiply-accumulates per nanosecond (GMAC/s) with these instructions on registers
    ///   alone, the best of many short slices; nil if this CPU does not support them.
    package func measuredPeak() -> Double? {
        guard isSupported else { return nil }
        // A slice is long against a reading of the clock and short against a time slice of the
        // scheduler, so some are not interrupted.
        let shortestSlice: Int64 = 500_000
        let end = edgep_nanoseconds() + 50_000_000
        var rounds: Int64 = 16
        var best = 0.0
        repeat {
            let start = edgep_nanoseconds()
            let count = kernels.multiply_peak(rounds)
            let duration = edgep_nanoseconds() - start
            if duration >= shortestSlice || rounds == 1 << 24 {
                best = max(best, Double(count) / Double(max(1, duration)))
            } else {
                rounds *= 2
            }
        } while best == 0 || edgep_nanoseconds() < end
        return best
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
