import EdgeFormat

/// Gives values of a program regions of the arena, so that values which are never alive together
/// share one (greedy best fit in execution order).
struct SlotAllocator {
    /// Bytes of a value as a function of the number of tokens: perToken · tokens + fixed.
    struct Size {
        var perToken: Int
        var fixed: Int

        func covers(_ other: Size) -> Bool {
            perToken >= other.perToken && fixed >= other.fixed
        }
    }

    private(set) var sizes: [Size] = []
    private var isFree: [Bool] = []

    mutating func allocate(_ size: Size) -> Int {
        let free = sizes.indices.filter { isFree[$0] }
        let slot: Int
        if let fitting = free.filter({ sizes[$0].covers(size) })
            .min(by: { Self.order(sizes[$0], sizes[$1]) })
        {
            slot = fitting
        } else if let largest = free.max(by: { Self.order(sizes[$0], sizes[$1]) }) {
            slot = largest
            sizes[slot].perToken = max(sizes[slot].perToken, size.perToken)
            sizes[slot].fixed = max(sizes[slot].fixed, size.fixed)
        } else {
            sizes.append(size)
            isFree.append(false)
            return sizes.count - 1
        }
        isFree[slot] = false
        return slot
    }

    mutating func release(_ slot: Int) {
        isFree[slot] = true
    }

    private static func order(_ left: Size, _ right: Size) -> Bool {
        (left.perToken, left.fixed) < (right.perToken, right.fixed)
    }

    static func size(of value: ProgramValue) -> Size {
        // Codes carry 12 bytes of quantization for each row.
        let rowBytes =
            switch value.kind {
            case .floats: value.columnCount * 4
            case .codes: (value.columnCount + 63) / 64 * 64 + 12
            }
        return value.fixedRows.map { Size(perToken: 0, fixed: $0 * rowBytes) }
            ?? Size(perToken: rowBytes, fixed: 0)
    }

    /// Sets the slots of the values of a program whose instructions are final; returns how many
    /// there are and their sizes.
    static func assign(
        values: inout [ProgramValue], instructions: [Instruction], outputs: [ProgramOutput]
    ) -> [Size] {
        var lastUse = [Int](repeating: -1, count: values.count)
        for (index, instruction) in instructions.enumerated() {
            for input in instruction.inputs { lastUse[input] = index }
        }
        for output in outputs { lastUse[output.value] = instructions.count }
        var allocator = SlotAllocator()
        for (index, instruction) in instructions.enumerated() {
            let output = instruction.output
            values[output].slot = allocator.allocate(size(of: values[output]))
            for input in Set(instruction.inputs) where lastUse[input] == index {
                allocator.release(values[input].slot)
            }
            // A value that nothing reads frees its slot at once.
            if lastUse[output] < index { allocator.release(values[output].slot) }
        }
        return allocator.sizes
    }
}
