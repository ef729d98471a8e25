import CEdgeKernels
import EdgeFormat

/// The keys and values of the tokens that a sequence has so far, for every attention of a program.
///
/// A quantized attention finds them packed as its kernels read them, with one scale for each token and
/// head; a float attention finds floats. The pages of tokens that have not come yet are not touched.
package final class KeyValueCache {
    /// Tokens that it has room for.
    package let capacity: Int
    /// Tokens that are in it.
    package internal(set) var tokenCount = 0
    /// The keys of the first attention, its values, the keys of the next one, ….
    private let entries: [Entry]
    private let pages: PageBuffer

    /// What the keys or the values of one attention lie in.
    struct Entry {
        let role: edgek_head_role
        let headCount: Int
        let headSize: Int
        let isPacked: Bool
        /// Packed heads, or floats `[capacity, columns]`.
        let start: UnsafeMutableRawPointer
        /// The floats of the last panel of packed heads while it is not full,
        /// `[EDGEK_ROW_GRAIN, columns]`: a token that comes makes the panel anew.
        let lastPanel: UnsafeMutablePointer<Float>

        var columnCount: Int { headCount * headSize }
    }

    /// - Parameter capacity: At least 1.
    package init(_ session: Session, capacity: Int) throws(RuntimeError) {
        guard session.program.canBeExtended else { throw .noSuchOutput }
        guard capacity <= session.maximumTokens else {
            throw .tooManyTokens(count: capacity, limit: session.maximumTokens)
        }
        let layouts = Self.layouts(session.program)
        let kernels = session.instructionSet.kernels
        pages = try PageBuffer(
            pieces: layouts.flatMap { $0.pieces(capacity: capacity, kernels: kernels) })
        self.capacity = capacity
        var entries: [Entry] = []
        for layout in layouts {
            let sizes = layout.pieces(capacity: capacity, kernels: kernels)
            let start = pages.next(byteCount: sizes[0])
            let lastPanel = pages.next(byteCount: sizes[1])
            entries.append(
                Entry(
                    role: layout.role, headCount: layout.headCount, headSize: layout.headSize,
                    isPacked: layout.isPacked, start: start,
                    lastPanel: lastPanel.assumingMemoryBound(to: Float.self)))
        }
        self.entries = entries
    }

    /// Bytes of a cache.
    static func byteCount(
        of program: Program, capacity: Int, kernels: edgek_table
    ) -> Int {
        layouts(program).reduce(0) { sum, layout in
            layout.pieces(capacity: capacity, kernels: kernels).reduce(sum) {
                $0 + rounded($1, up: 64)
            }
        }
    }

    func entry(at place: Int) -> Entry { entries[place] }

    /// Forgets all tokens.
    package func clear() { tokenCount = 0 }

    /// Keys or values of one attention.
    private struct Layout {
        let role: edgek_head_role
        let headCount: Int
        let headSize: Int
        let isPacked: Bool

        /// Bytes of the two parts of an entry.
        func pieces(capacity: Int, kernels: edgek_table) -> [Int] {
            let columns = headCount * headSize
            guard isPacked else { return [capacity * columns * 4, 0] }
            let packed = kernels.packed_head_bytes(
                role, Int64(capacity), Int64(headCount), Int64(headSize))
            return [Int(packed), Int(EDGEK_ROW_GRAIN) * columns * 4]
        }
    }

    private static func layouts(_ program: Program) -> [Layout] {
        program.instructions.compactMap { $0.attentionShape }.flatMap { shape in
            [(EDGEK_KEYS, shape.headSize), (EDGEK_VALUES, shape.valueSize)].map { role, size in
                Layout(
                    role: role, headCount: shape.keyValueHeadCount, headSize: size,
                    isPacked: shape.arithmetic == .int8)
            }
        }
    }
}
