extension Program {
    /// Checks that every operand has the kind and shape that its instruction needs, that every
    /// value is written once and before it is read, and that no two values alive at the same time share
    /// a slot.
    func validate(tensors: [TensorRecord]) throws(FormatError) {
        try checkLifetimes()
        for (index, instruction) in instructions.enumerated() {
            let check = OperandCheck(program: self, tensors: tensors, index: index)
            try check.check(instruction)
        }
        for output in outputs where values[output.value].kind != .floats {
            throw .wrongValue(field: "kind of an output", expected: 0, found: 1)
        }
    }

    private func checkLifetimes() throws(FormatError) {
        var lastUse = [Int](repeating: -1, count: values.count)
        for (index, instruction) in instructions.enumerated() {
            for input in instruction.inputs { lastUse[input] = index }
        }
        for output in outputs { lastUse[output.value] = instructions.count }
        var isWritten = [Bool](repeating: false, count: values.count)
        var occupant = [Int?](repeating: nil, count: slotCount)
        for (index, instruction) in instructions.enumerated() {
            for input in instruction.inputs {
                guard isWritten[input], occupant[values[input].slot] == input else {
                    throw .instruction(
                        index: index, field: "occupant of the slot of an input",
                        expected: UInt64(input),
                        found: UInt64(occupant[values[input].slot] ?? values.count))
                }
            }
            let output = instruction.output
            guard !isWritten[output] else {
                throw .instruction(
                    index: index, field: "writers of the output value", expected: 1, found: 2)
            }
            // An instruction never writes where it reads, and never over a value still needed.
            let slot = values[output].slot
            if let other = occupant[slot], lastUse[other] >= index {
                throw .instruction(
                    index: index, field: "value that occupies the slot of the output",
                    expected: UInt64(output), found: UInt64(other))
            }
            occupant[slot] = output
            isWritten[output] = true
        }
        let writtenCount = isWritten.count { $0 }
        guard writtenCount == values.count else {
            throw .wrongValue(
                field: "number of values with a writer", expected: UInt64(values.count),
                found: UInt64(writtenCount))
        }
    }
}
