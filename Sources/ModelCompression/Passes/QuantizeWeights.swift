import Checkpoints
import Foundation
package import ModelGraph
import Tensors

/// Quantizes weight matrices to 8 bits with one scale per row.
///
/// For each row w of a matrix (one output of a linear layer, or one token of the embedding table)
///
///     scale = max|w| / 127,   code = round-half-even(w / scale) ∈ −127…127
///
/// so the largest weight is exact and the error of the others is at most scale / 2. The device
/// multiplies the codes with activations that it quantizes by row, asymmetrically, to 8 bits, and
/// computes attention on 8-bit codes as well (formats/container.md, "Arithmetic").
///
/// Left in float: vectors (biases, normalization) as they are, and the tables of positions and token
/// types, whose few kilobytes are not worth the error of 8 bits: every token adds them up. They are
/// rounded to float16, which is 40 dB more exact than the codes beside them.
///
/// Source: symmetric per-channel quantization as in Krishnamoorthi 2018 (arXiv 1806.08342), §3.
/// Costs a mean cosine of about 0.001 on sentence embeddings. Not for models whose accuracy hangs
/// on single weights far outside the rest of their row.
package struct QuantizeWeights: CompressionPass {
    package static let name = "quantize"

    package init() {}

    package func apply(
        to model: inout Model, progress: (Double) -> Void
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        let (names, tables) = Self.matrices(of: model)
        var changes: [TensorChange] = []
        for (index, name) in names.enumerated() {
            guard let parameter = model.parameters[name] else { continue }
            let (rows, change) = try Self.quantize(parameter, name: name, of: model)
            model.parameters[name]?.storage = .quantizedRows(rows)
            changes.append(change)
            progress(Double(index + 1) / Double(names.count))
        }
        if !names.isEmpty { Self.quantizeAttention(of: &model) }
        for name in tables {
            if let change = try Self.halve(name, of: &model) { changes.append(change) }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return PassRecord(pass: Self.name, changes: changes, notes: [], seconds: seconds)
    }

    /// Weights of linear layers and tables indexed by token, then the other tables, ascending.
    private static func matrices(of model: Model) -> (matrices: [String], tables: [String]) {
        var names: Set<String> = []
        var tables: Set<String> = []
        for node in model.graph.nodes {
            switch node.operation {
            case .linear(let linear):
                names.insert(linear.weight)
            case .embedding(let terms):
                for term in terms {
                    if term.index == .tokenIDs {
                        names.insert(term.table)
                    } else {
                        tables.insert(term.table)
                    }
                }
            default:
                break
            }
        }
        let matrices = names.filter { name in
            if case .quantizedRows? = model.parameters[name]?.storage { return false }
            return true
        }
        return (matrices.sorted(), tables.subtracting(names).sorted())
    }

    /// Rounds a float32 table to float16; nil if it is narrow already or a value would overflow.
    private static func halve(
        _ name: String, of model: inout Model
    ) throws(CompressionError) -> TensorChange? {
        guard let parameter = model.parameters[name],
            case .checkpoint(_, .float32) = parameter.storage
        else {
            return nil
        }
        let table: Tensor
        do {
            table = try parameter.floats(in: model.checkpoint)
        } catch {
            throw .model(error)
        }
        let rounded = table.values.map { HalfFloat.widen(HalfFloat.narrow($0)) }
        guard rounded.allSatisfy(\.isFinite) else { return nil }
        var errorEnergy = 0.0
        for (value, approximation) in zip(table.values, rounded) {
            errorEnergy += Double(value - approximation) * Double(value - approximation)
        }
        model.parameters[name]?.storage = .dense(
            Tensor(shape: table.shape, values: rounded), elementType: .float16)
        return TensorChange(
            name: name, bytesBefore: table.elementCount * 4, bytesAfter: table.elementCount * 2,
            signalEnergy: table.meanSquare * Double(table.elementCount), errorEnergy: errorEnergy)
    }

    private static func quantizeAttention(of model: inout Model) {
        for index in model.graph.nodes.indices {
            if case .attention(var attention) = model.graph.nodes[index].operation {
                attention.arithmetic = .int8
                model.graph.nodes[index].operation = .attention(attention)
            }
        }
    }

    private static func quantize(
        _ parameter: Parameter, name: String, of model: Model
    ) throws(CompressionError) -> (QuantizedRows, TensorChange) {
        let rowCount = parameter.shape[0]
        let columnCount = parameter.elementCount / max(1, rowCount)
        var codes = [Int8](repeating: 0, count: rowCount * columnCount)
        var scales = [Float](repeating: 0, count: rowCount)
        var signal = 0.0
        var error = 0.0
        var invalid = 0
        var bytesBefore = parameter.elementCount * 4
        if case .checkpoint(let tensor, _) = parameter.storage {
            bytesBefore = model.checkpoint.byteCount(of: tensor) ?? bytesBefore
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
            quantize(
                block.values, columnCount: columnCount, firstRow: first, codes: &codes,
                scales: &scales, signal: &signal, error: &error)
        }
        guard invalid == 0 else { throw .notFinite(tensor: name, count: invalid) }
        let rows = QuantizedRows(
            rowCount: rowCount, columnCount: columnCount, codes: codes, scales: scales)
        let change = TensorChange(
            name: name, bytesBefore: bytesBefore, bytesAfter: codes.count + scales.count * 4,
            signalEnergy: signal, errorEnergy: error)
        return (rows, change)
    }

    private static func quantize(
        _ values: [Float], columnCount: Int, firstRow: Int, codes: inout [Int8],
        scales: inout [Float], signal: inout Double, error: inout Double
    ) {
        guard columnCount > 0 else { return }
        values.withUnsafeBufferPointer { values in
            codes.withUnsafeMutableBufferPointer { codes in
                for row in 0..<values.count / columnCount {
                    let weights = UnsafeBufferPointer(
                        rebasing: values[row * columnCount..<(row + 1) * columnCount])
                    let target = (firstRow + row) * columnCount
                    var largest: Float = 0
                    for weight in weights { largest = max(largest, abs(weight)) }
                    // Below the smallest normal scale a row counts as zero: its scale would not
                    // survive a CPU that flushes denormals.
                    let scale = largest / 127
                    guard scale >= Float.leastNormalMagnitude else {
                        for weight in weights {
                            signal += Double(weight) * Double(weight)
                            error += Double(weight) * Double(weight)
                        }
                        continue
                    }
                    scales[firstRow + row] = scale
                    for column in 0..<columnCount {
                        let code = (weights[column] / scale).rounded(.toNearestOrEven)
                        let clamped = max(-127, min(127, code))
                        codes[target + column] = Int8(clamped)
                        let difference = Double(weights[column] - clamped * scale)
                        signal += Double(weights[column]) * Double(weights[column])
                        error += difference * difference
                    }
                }
            }
        }
    }
}
