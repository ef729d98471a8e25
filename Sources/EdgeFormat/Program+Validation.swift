extension Program {
    /// Checks that every operand has the kind and shape that its instruction needs, that every
    /// value is written once and before it is read, and that the values together are not too large.
    func validate(tensors: [TensorRecord]) throws(FormatError) {
        try checkValueSizes()
        try checkOrder()
        for (index, instruction) in instructions.enumerated() {
            let check = OperandCheck(program: self, tensors: tensors, index: index)
            try check.check(instruction)
        }
        for output in outputs where values[output.value].kind != .floats {
            throw .wrongValue(field: "kind of an output", expected: 0, found: 1)
        }
    }

    private func checkValueSizes() throws(FormatError) {
        var elements: UInt64 = 0
        for value in values {
            let rows = UInt64(value.rowCount(tokenCount: maximumTokens))
            let (sum, overflow) = elements.addingReportingOverflow(rows * UInt64(value.columnCount))
            elements = overflow ? .max : sum
        }
        guard elements <= ContainerLimits.valueElements else {
            throw .overLimit(
                field: "elements of all values", limit: ContainerLimits.valueElements,
                found: elements)
        }
    }

    private func checkOrder() throws(FormatError) {
        var isWritten = [Bool](repeating: false, count: values.count)
        for (index, instruction) in instructions.enumerated() {
            for input in instruction.inputs where !isWritten[input] {
                throw .readBeforeWritten(instruction: index, value: input)
            }
            let output = instruction.output
            guard !isWritten[output] else {
                throw .instruction(
                    index: index, field: "writers of the output value", expected: 1, found: 2)
            }
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
