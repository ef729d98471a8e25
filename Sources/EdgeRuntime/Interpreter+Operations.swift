import CEdgeKernels
import EdgeFormat

extension Interpreter {
    func embed(output: Int, terms: [EmbedTerm]) throws(RuntimeError) {
        let columns = program.values[output].columnCount
        let row = kernelScratch(thread: 0).assumingMemoryBound(to: Float.self)
        let rows = floats(output)
        for (number, term) in terms.enumerated() {
            guard let table = session.weights.tables[term.table] else { continue }
            let indices =
                switch term.index {
                case .tokenIDs: tokenIDs.map { Int($0) + term.offset }
                case .typeIDs:
                    (0..<tokenCount).map { (typeIDs.isEmpty ? 0 : Int(typeIDs[$0])) + term.offset }
                case .positions: (0..<tokenCount).map { $0 + term.offset }
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

    func pool(input: Int, output: Int, pooling: PoolCode) {
        let columns = program.values[input].columnCount
        let x = floats(input)
        switch pooling {
        case .firstRow:
            UnsafeMutableRawPointer(floats(output)).copyMemory(from: x, byteCount: columns * 4)
        case .mean:
            kernels.mean_rows(
                x, Int64(columns), Int64(rowCount(input)), Int64(columns), floats(output))
        case .maximum:
            kernels.max_rows(
                x, Int64(columns), Int64(rowCount(input)), Int64(columns), floats(output))
        }
    }
}
