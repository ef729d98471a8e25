package import EdgeFormat

extension Instruction {
    /// Multiply-accumulates of the matrix products, for an input of `tokenCount` tokens.
    ///
    /// What masks make superfluous is counted too.
    package func multiplyAccumulates(in program: Program, tokenCount: Int) -> Int {
        func rows(_ value: Int) -> Int { program.values[value].rowCount(tokenCount: tokenCount) }
        switch self {
        case .linear(let input, _, let output, _, _, _):
            return rows(output) * program.values[output].columnCount
                * program.values[input].columnCount
        case .attention(let query, let key, _, _, let shape):
            return rows(query) * rows(key) * shape.headCount * (shape.headSize + shape.valueSize)
        case .embed, .layerNorm, .activate, .add, .pool, .normalizeL2, .quantize, .angles, .rotate,
            .rmsNorm, .multiply, .scale:
            return 0
        }
    }
}

extension Program {
    /// Multiply-accumulates of all instructions.
    package func multiplyAccumulates(tokenCount: Int) -> Int {
        instructions.reduce(0) {
            $0 + $1.multiplyAccumulates(in: self, tokenCount: tokenCount)
        }
    }

    /// Multiply-accumulates of the instructions that an output needs.
    package func multiplyAccumulates(tokenCount: Int, for output: OutputCode) -> Int {
        zip(instructions, instructions(neededFor: [output])).reduce(0) { sum, entry in
            guard entry.1 else { return sum }
            return sum + entry.0.multiplyAccumulates(in: self, tokenCount: tokenCount)
        }
    }
}
