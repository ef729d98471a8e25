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
        let kernels = session.instructionSet.kernels
        var sizes: [Int] = []
        let layouts = Self.layouts(session.program)
        for layout in layouts {
            sizes.append(layout.byteCount(capacity: capacity, kernels: kernels))
            sizes.append(layout.lastPanelByteCount)
        }
        pages = try PageBuffer(pieces: sizes)
        self.capacity = capacity
        var entries: [Entry] = []
        for (number, layout) in layouts.enumerated() {
            let start = pages.next(byteCount: sizes[2 * number])
            let lastPanel = pages.next(byteCount: sizes[2 * number + 1])
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
        var sum = 0
        for layout in layouts(program) {
            sum += rounded(layout.byteCount(capacity: capacity, kernels: kernels), up: 64)
            sum += rounded(layout.lastPanelByteCount, up: 64)
        }
        return sum
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

        func byteCount(capacity: Int, kernels: edgek_table) -> Int {
            guard isPacked else { return capacity * headCount * headSize * 4 }
            return Int(
                kernels.packed_head_bytes(
                    role, Int64(capacity), Int64(headCount), Int64(headSize)))
        }

        var lastPanelByteCount: Int {
            isPacked ? Int(EDGEK_ROW_GRAIN) * headCount * headSize * 4 : 0
        }
    }

    private static func layouts(_ program: Program) -> [Layout] {
        var layouts: [Layout] = []
        for instruction in program.instructions {
            guard let shape = instruction.attentionShape else { continue }
            for role in [EDGEK_KEYS, EDGEK_VALUES] {
                layouts.append(
                    Layout(
                        role: role, headCount: shape.keyValueHeadCount,
                        headSize: role == EDGEK_KEYS ? shape.headSize : shape.valueSize,
                        isPacked: shape.arithmetic == .int8))
            }
        }
        return layouts
    }
}
