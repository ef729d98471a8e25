import Checkpoints
import ModelGraph
import Tensors

/// Embedding tables: rows are looked up, not multiplied, so the nearest codes are the best.
extension QuantizeWeights {
    func quantizeTables(
        of model: inout Model, _ record: inout PassRecord
    ) throws(CompressionError) {
        var codes: Set<String> = []
        var halves: Set<String> = []
        for node in model.graph.nodes {
            guard case .embedding(let terms) = node.operation else { continue }
            for term in terms {
                if term.index == .tokenIDs {
                    codes.insert(term.table)
                } else {
                    halves.insert(term.table)
                }
            }
        }
        for name in codes.sorted() {
            guard let parameter = model.parameters[name] else { continue }
            if case .quantizedRows = parameter.storage { continue }
            let (rows, change) = try quantize(parameter, name: name, of: model)
            model.parameters[name]?.storage = .quantizedRows(rows)
            record.changes.append(change)
        }
        for name in halves.subtracting(codes).sorted() {
            if let change = try Self.halve(name, of: &model) { record.changes.append(change) }
        }
    }

    /// Rounds a float32 tensor to float16; nil if it is narrow already or a value would overflow.
    static func halve(
        _ name: String, of model: inout Model
    ) throws(CompressionError) -> TensorChange? {
        guard let parameter = model.parameters[name], parameter.floatType == .float32 else {
            return nil
        }
        let table: Tensor
        do {
            table = try parameter.floats(in: model.checkpoint)
        } catch {
            throw .model(error)
        }
        let rounded = Tensor(
            shape: table.shape, values: table.values.map { HalfFloat.widen(HalfFloat.narrow($0)) })
        guard rounded.nonFiniteCount == 0 else { return nil }
        model.parameters[name]?.storage = .dense(rounded, elementType: .float16)
        return TensorChange(
            name: name, bytesBefore: table.elementCount * 4, bytesAfter: table.elementCount * 2,
            signalEnergy: table.meanSquare * Double(table.elementCount),
            errorEnergy: table.squaredDistance(to: rounded))
    }

    /// The root mean square of a table, which is not held as a whole.
    private func deviation(
        of parameter: Parameter, in model: Model
    ) throws(CompressionError) -> Double {
        var squares = 0.0
        let rowCount = parameter.shape[0]
        for first in stride(from: 0, to: rowCount, by: 1024) {
            do {
                let block = try parameter.floats(
                    in: model.checkpoint, rows: first..<min(rowCount, first + 1024))
                squares += block.meanSquare * Double(block.elementCount)
            } catch {
                throw .model(error)
            }
        }
        return (squares / Double(max(1, parameter.elementCount))).squareRoot()
    }

    private func quantize(
        _ parameter: Parameter, name: String, of model: Model
    ) throws(CompressionError) -> (QuantizedRows, TensorChange) {
        let rowCount = parameter.shape[0]
        let columnCount = parameter.elementCount / max(1, rowCount)
        var codes: [Int8] = []
        var scales: [Float] = []
        codes.reserveCapacity(rowCount * columnCount)
        var (signal, error, invalid) = (0.0, 0.0, 0)
        let distance = try tableStep.map { step throws(CompressionError) in
            Float(step * (try deviation(of: parameter, in: model)))
        }
        // Blocks of rows keep the widened floats small.
        let rowsPerBlock = max(1, (4 << 20) / max(1, columnCount * 4))
        for first in stride(from: 0, to: rowCount, by: rowsPerBlock) {
            let range = first..<min(rowCount, first + rowsPerBlock)
            let block: Tensor
            do {
                block = try parameter.floats(in: model.checkpoint, rows: range)
            } catch {
                throw .model(error)
            }
            invalid += block.nonFiniteCount
            guard invalid == 0 else { continue }
            let grid = CodeGrid(
                limit: tableLimit, weights: block.values, columnCount: columnCount,
                distances: distance.map { [Float](repeating: $0, count: range.count) })
            let rows = QuantizedRows(
                rowCount: range.count, columnCount: columnCount,
                codes: grid.nearestCodes(block.values, columnCount: columnCount),
                scales: columnCount == 0 ? [Float](repeating: 0, count: range.count) : grid.scales)
            signal += block.meanSquare * Double(block.elementCount)
            error += block.squaredDistance(to: rows.dequantized)
            codes += rows.codes
            scales += rows.scales
        }
        guard invalid == 0 else { throw .notFinite(tensor: name, count: invalid) }
        let rows = QuantizedRows(
            rowCount: rowCount, columnCount: columnCount, codes: codes, scales: scales)
        let change = TensorChange(
            name: name, bytesBefore: model.bytesInCheckpoint(of: parameter),
            bytesAfter: codes.count + scales.count * 4, signalEnergy: signal, errorEnergy: error)
        return (rows, change)
    }
}

extension Model {
    /// Bytes that a parameter has in the checkpoint, or would have there as float32.
    func bytesInCheckpoint(of parameter: Parameter) -> Int {
        parameter.checkpointByteCount ?? parameter.elementCount * 4
    }

    /// A parameter in float32, checked to be finite.
    func finiteFloats(_ name: String) throws(CompressionError) -> Tensor {
        guard let parameter = parameters[name] else {
            throw .model(.graph(node: name, .noParameter(name)))
        }
        let tensor: Tensor
        do {
            tensor = try parameter.floats(in: checkpoint)
        } catch {
            throw .model(error)
        }
        let invalid = tensor.nonFiniteCount
        guard invalid == 0 else { throw .notFinite(tensor: name, count: invalid) }
        return tensor
    }
}
