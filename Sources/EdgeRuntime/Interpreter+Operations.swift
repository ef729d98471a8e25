import CEdgeKernels
import EdgeFormat

extension Interpreter {
    func embed(output: Int, terms: [EmbedTerm]) throws(RuntimeError) {
        let columns = program.values[output].columnCount
        let row = kernelScratch(thread: 0).assumingMemoryBound(to: Float.self)
        let rows = floats(output)
        for (number, term) in terms.enumerated() {
            guard let table = session.weights.tables[term.table] else { continue }
            let kept = term.keptTokens.flatMap { session.weights.tokenRows[$0] }
            var indices: [Int] = []
            for (number, sequence) in sequences.enumerated() {
                switch term.index {
                case .tokenIDs: indices += sequence.tokenIDs.map { Int($0) + term.offset }
                case .typeIDs:
                    indices += sequence.tokenIDs.indices.map {
                        (sequence.typeIDs.isEmpty ? 0 : Int(sequence.typeIDs[$0])) + term.offset
                    }
                case .positions:
                    let first = past(of: number) + term.offset
                    indices += sequence.tokenIDs.indices.map { $0 + first }
                case .keptTokens:
                    indices += sequence.tokenIDs.map { kept?.row(of: Int($0)) ?? term.offset }
                }
            }
            try table.read(indices, through: row) { position in
                let destination = rows + position * columns
                if number == 0 {
                    UnsafeMutableRawPointer(destination).copyMemory(
                        from: row, byteCount: columns * 4)
                } else {
                    kernels.add(row, Int64(columns), destination)
                }
            }
        }
    }

    /// Makes one row of the rows of each sequence.
    func pool(input: Int, output: Int, pooling: PoolCode) {
        let columns = program.values[input].columnCount
        for sequence in 0..<shape.sequenceCount {
            let rows = rows(input, of: sequence)
            let x = floats(input) + rows.lowerBound * columns
            let y = floats(output) + sequence * columns
            switch pooling {
            case .firstRow:
                UnsafeMutableRawPointer(y).copyMemory(from: x, byteCount: columns * 4)
            case .mean:
                kernels.mean_rows(x, Int64(columns), Int64(rows.count), Int64(columns), y)
            case .lastRow:
                UnsafeMutableRawPointer(y).copyMemory(
                    from: x + (rows.count - 1) * columns, byteCount: columns * 4)
            case .maximum:
                kernels.max_rows(x, Int64(columns), Int64(rows.count), Int64(columns), y)
            }
        }
    }

    /// The angles of the tokens by their places in the sequences.
    func computeAngles(output: Int, frequencies: Int, factor: Float) {
        let columns = program.values[output].columnCount
        for sequence in 0..<shape.sequenceCount {
            let rows = rows(output, of: sequence)
            edgek_angles(
                vector(frequencies), Int64(columns / 2), Int64(past(of: sequence)),
                Int64(rows.count), factor, floats(output) + rows.lowerBound * columns)
        }
    }
}
