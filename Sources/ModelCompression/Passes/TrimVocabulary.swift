import Checkpoints
import Foundation
package import ModelGraph
import Tensors

/// Leaves out the tokens that a corpus does not use, from the token table and from the tokenizer.
///
/// Kept are the tokens of the calibration sequences, those of a list, and what the tokenizer cannot
/// do without: special and added tokens and all single characters. Texts of kept tokens get the same
/// tokens and the same answers as before, bit for bit. A word whose token was left out is cut into
/// kept pieces, at the worst into characters; its answer changes, for no pass has taught the model
/// that spelling. Token ids keep their meaning: an id that was left out reads the row of the unknown
/// token.
///
/// It pays for models with a large vocabulary that are used on texts of one kind. Not for models
/// that meet other texts than the corpus, and not with a few calibration sentences for a corpus.
package struct TrimVocabulary: CompressionPass {
    package static let name = "trim-vocabulary"

    /// How often the corpus must have a token for it to be kept.
    package var minimumCount = 1
    /// Texts of tokens that are kept in any case, continuation prefix included.
    package var keep: [String] = []

    package init() {}

    package func apply(
        to model: inout Model, context: PassContext
    ) throws(CompressionError) -> PassRecord {
        let start = ContinuousClock.now
        var record = PassRecord(pass: Self.name)
        try trim(&model, context, &record)
        context.progress(1)
        record.seconds = (ContinuousClock.now - start) / .seconds(1)
        return record
    }

    private func trim(
        _ model: inout Model, _ context: PassContext, _ record: inout PassRecord
    ) throws(CompressionError) {
        guard let vocabulary = context.vocabulary else {
            record.notes.append("the model has no tokenizer, so no token can be left out")
            return
        }
        let corpus = context.calibration.flatMap { $0.isSynthetic ? nil : $0 }
        guard corpus != nil || !keep.isEmpty else {
            record.notes.append("there is neither calibration data nor a list of tokens to keep")
            return
        }
        guard model.task != .generate else {
            record.notes.append("a model that generates text can need any token")
            return
        }
        guard let tables = Self.tokenTables(of: model.graph) else {
            record.notes.append("the token table is read by more than lookups")
            return
        }
        var counts = [Int](repeating: 0, count: model.vocabularySize)
        for sequence in corpus?.sequences ?? [] {
            for id in sequence.ids where counts.indices.contains(Int(id)) { counts[Int(id)] += 1 }
        }
        var wanted = Set(vocabulary.required + [vocabulary.unknown])
        for text in keep {
            if let id = vocabulary.id(text) {
                wanted.insert(id)
            } else {
                record.notes.append("'\(text)' is no token")
            }
        }
        let before = model.keptTokens?.ids ?? (0..<Int32(model.vocabularySize)).map { $0 }
        let isKept = before.map { wanted.contains($0) || counts[Int($0)] >= minimumCount }
        let kept = zip(before, isKept).filter(\.1).map(\.0)
        guard kept.count < before.count else {
            record.notes.append("all \(before.count) tokens are kept")
            return
        }
        guard
            let keptTokens = KeptTokens(
                kept, unknown: vocabulary.unknown, vocabularySize: model.vocabularySize)
        else {
            record.notes.append("the unknown token \(vocabulary.unknown) has no row")
            return
        }
        let rows = kept.map { model.keptTokens?.row(of: $0) ?? Int($0) }
        for name in tables {
            if let change = try Self.select(rows, of: name, &model) {
                record.changes.append(change)
            }
        }
        model.keptTokens = keptTokens
        let bytes = record.changes.reduce(0) { $0 + $1.bytesBefore - $1.bytesAfter }
        record.notes.append(
            "\(before.count - kept.count) of \(before.count) tokens left out, "
                + "\(bytes) bytes of token tables")
        let lost = zip(before, isKept).reduce(0) { $1.1 ? $0 : $0 + counts[Int($1.0)] }
        if lost > 0 {
            record.notes.append(
                String(
                    format: "%.2f %% of the tokens of the calibration data are unknown now",
                    100 * Double(lost) / Double(max(1, counts.reduce(0, +)))))
        }
    }

    /// Tables that tokens are looked up in; nil if one of them is read in another way, too.
    private static func tokenTables(of graph: Graph) -> [String]? {
        var tokens: Set<String> = []
        var others: Set<String> = []
        for node in graph.nodes {
            guard case .embedding(let terms) = node.operation else {
                others.formUnion(node.operation.parameterNames)
                continue
            }
            for term in terms {
                if term.index == .tokenIDs {
                    tokens.insert(term.table)
                } else {
                    others.insert(term.table)
                }
            }
        }
        return tokens.isDisjoint(with: others) && !tokens.isEmpty ? tokens.sorted() : nil
    }

    /// Keeps some rows of a table.
    private static func select(
        _ rows: [Int], of name: String, _ model: inout Model
    ) throws(CompressionError) -> TensorChange? {
        guard let parameter = model.parameters[name] else { return nil }
        let columns = parameter.elementCount / max(1, parameter.shape[0])
        let shape = [rows.count] + parameter.shape.dropFirst()
        if case .quantizedRows(let matrix) = parameter.storage {
            let selected = matrix.selecting(rows)
            model.parameters[name] = Parameter(shape: shape, storage: .quantizedRows(selected))
            let values = selected.dequantized
            return TensorChange(
                name: name, bytesBefore: matrix.byteCount, bytesAfter: selected.byteCount,
                signalEnergy: values.meanSquare * Double(values.elementCount), errorEnergy: 0)
        }
        var values: [Float] = []
        values.reserveCapacity(rows.count * columns)
        var next = 0
        for first in stride(from: 0, to: parameter.shape[0], by: 1024) {
            let range = first..<min(parameter.shape[0], first + 1024)
            let end = rows[next...].firstIndex { !range.contains($0) } ?? rows.count
            guard end > next else { continue }
            let block: Tensor
            do {
                block = try parameter.floats(in: model.checkpoint, rows: range)
            } catch {
                throw .model(error)
            }
            for row in rows[next..<end] {
                values += block.values[(row - first) * columns..<(row - first + 1) * columns]
            }
            next = end
        }
        let elementType = parameter.floatType ?? .int8
        let table = Tensor(shape: shape, values: values)
        model.parameters[name]?.shape = shape
        model.parameters[name]?.storage = .dense(table, elementType: elementType)
        return TensorChange(
            name: name, bytesBefore: parameter.elementCount * elementType.byteCount,
            bytesAfter: table.elementCount * elementType.byteCount,
            signalEnergy: table.meanSquare * Double(table.elementCount), errorEnergy: 0)
    }
}

extension QuantizedRows {
    fileprivate func selecting(_ rows: [Int]) -> QuantizedRows {
        var selected: [Int8] = []
        selected.reserveCapacity(rows.count * columnCount)
        for row in rows { selected += codes[row * columnCount..<(row + 1) * columnCount] }
        return QuantizedRows(
            rowCount: rows.count, columnCount: columnCount, codes: selected,
            scales: rows.map { scales[$0] },
            multipliers: multipliers.map { multipliers in
                rows.flatMap { multipliers[$0 * groupCount..<($0 + 1) * groupCount] }
            })
    }
}
