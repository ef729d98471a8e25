import Checkpoints
package import EdgeFormat
import Foundation
package import ModelCompression
import ModelGraph
import Tensors

/// A model as a container holds it: a program, its tensors in file order, and facts about it.
package struct LoweredModel {
    package let program: Program
    /// In ascending order of the UTF-8 bytes of their names.
    package let tensors: [StoredTensor]
    package let features: [StaticText]
    package var metadata: Metadata
    /// Tensors of the checkpoint that the program does not read, in the checkpoint's order.
    package let unusedTensors: [String]

    /// How much of a model is lowered.
    package enum Extent {
        /// What its answers are computed from.
        case whatIsRead
        /// All outputs and nodes of the graph with all of their rows, to compare with.
        case everything
    }

    /// Raw bytes of one chunk of a weight matrix; of an embedding table without zeros, of which a
    /// run needs few rows; and of anything that is not compressed.
    static let matrixChunkBytes = 256 << 10
    static let tableChunkBytes = 32 << 10
    static let rawChunkBytes = 1 << 20

    /// Lowers a model.
    ///
    /// - Parameters:
    ///   - tokenizer: the tokenizer section (formats/tokenizer.md), or nil for a model that runs
    ///     from token ids.
    ///   - extent: changes no bit of an answer.
    package init(
        _ compressed: CompressedModel, tokenizer: [UInt8]?, extent: Extent = .whatIsRead
    ) throws(PackagingError) {
        var model = compressed.model
        if model.task == .generate { model.graph.restoreLogits() }
        let fusions = Fusions(model.graph)
        var folded: FoldedTerms?
        if extent == .whatIsRead {
            model = model.keepingAnswers(keepsAllLogits: true)
            model.graph = model.graph.computing(model.graph.outputs)
            do {
                folded = try FoldedTerms(&model)
            } catch {
                throw .model(error)
            }
            model.leaveOutUnreadParameters()
        }
        unusedTensors = model.unusedTensors
        var tensors = try Self.tensors(of: model, folded: folded)
        if let keptTokens = try Self.keptTokens(of: model) { tensors.append(keptTokens) }
        if let tokenizer {
            tensors.append(
                try StoredTensor(
                    name: "tokenizer", type: .u8, shape: [tokenizer.count], storing: .compressed,
                    chunkBytes: Self.matrixChunkBytes
                ) { rows throws(PackagingError) in Array(tokenizer[rows]) })
        }
        tensors.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        for (tensor, next) in zip(tensors, tensors.dropFirst()) where tensor.name == next.name {
            throw .duplicateTensor(tensor.name)
        }
        self.tensors = tensors
        let index = Dictionary(
            uniqueKeysWithValues: tensors.enumerated().map { ($0.element.name, $0.offset) })
        var builder = ProgramBuilder(model, fusions: fusions, tensorIndex: index)
        program = builder.build()
        features = Self.features(of: program, tensors: tensors)
        metadata = Self.metadata(of: compressed)
    }

    private static func features(of program: Program, tensors: [StoredTensor]) -> [StaticText] {
        var features = program.features
        if tensors.contains(where: { $0.scheme == .int8Rows }) { features.append(Feature.int8Rows) }
        if tensors.contains(where: { $0.scheme == .int4Groups }) {
            features.append(Feature.int4Groups)
        }
        return features
    }

    static let keptTokensName = "kept_tokens"

    /// One bit for each token of the vocabulary, set for those that have a row.
    private static func keptTokens(of model: Model) throws(PackagingError) -> StoredTensor? {
        let readsTokens = model.graph.nodes.contains { node in
            guard case .embedding(let terms) = node.operation else { return false }
            return terms.contains { $0.index == .tokenIDs }
        }
        guard let kept = model.keptTokens, readsTokens else { return nil }
        var bits = [UInt8](repeating: 0, count: (model.vocabularySize + 7) / 8)
        for id in kept.ids { bits[Int(id) / 8] |= 1 << UInt8(id % 8) }
        let bytes = bits
        return try StoredTensor(
            name: keptTokensName, type: .u8, shape: [bytes.count], storing: .compressed,
            chunkBytes: matrixChunkBytes
        ) { rows throws(PackagingError) in Array(bytes[rows]) }
    }

    private static func metadata(of compressed: CompressedModel) -> Metadata {
        let model = compressed.model
        var metadata = Metadata()
        metadata.set("family", .text(Array(model.family.utf8)))
        metadata.set("task", .text(Array(model.task.rawValue.utf8)))
        metadata.set("recipe", .text(Array(compressed.recipe.json.utf8)))
        if !model.labels.isEmpty {
            metadata.set("labels", .texts(model.labels.map { Array($0.utf8) }))
        }
        if let begin = model.beginToken {
            metadata.set("begin_token", .integer(Int64(begin)))
        }
        if !model.endTokens.isEmpty {
            metadata.set("end_tokens", .texts(model.endTokens.map { Array("\($0)".utf8) }))
        }
        return metadata
    }

    /// Tensors of the parameters that the graph reads, scales included.
    ///
    /// - Parameter folded: what tables take up; nil if they are stored as they are, with rows that
    ///   no input can ask for.
    private static func tensors(
        of model: Model, folded: FoldedTerms?
    ) throws(PackagingError) -> [StoredTensor] {
        var tensors: [StoredTensor] = []
        for name in model.graph.parameterNames.sorted() {
            guard let parameter = model.parameters[name] else { continue }
            let rowCount =
                folded == nil ? parameter.shape.first ?? 1 : model.rowCountRead(of: name)
            switch parameter.storage {
            case .quantizedRows(let matrix):
                tensors += try Self.tensors(
                    of: matrix, rowCount: rowCount, name: name,
                    isTable: model.graph.isTable(name))
            case .checkpoint, .checkpointPart, .dense:
                tensors.append(
                    try Self.tensor(
                        of: parameter, rowCount: rowCount, name: name, model: model,
                        folded: folded))
            }
        }
        return tensors
    }

    private static func tensors(
        of matrix: QuantizedRows, rowCount: Int, name: String, isTable: Bool
    ) throws(PackagingError) -> [StoredTensor] {
        let codes = try StoredTensor(
            name: name, type: .i8, shape: [rowCount, matrix.columnCount],
            scheme: matrix.multipliers == nil ? .int8Rows : .int4Groups,
            scalesName: name + ".scales",
            multipliersName: matrix.multipliers == nil ? nil : name + ".multipliers",
            storing: .compressed,
            chunkBytes: isTable ? tableChunkBytes(of: matrix) : matrixChunkBytes, rowsMultiple: 64
        ) { rows throws(PackagingError) in
            let range =
                rows.lowerBound * matrix.columnCount..<rows.upperBound * matrix.columnCount
            return matrix.codes[range].map { UInt8(bitPattern: $0) }
        }
        let scales = try StoredTensor(
            name: name + ".scales", type: .f32, shape: [rowCount],
            storing: .rawUnlessRepetitive, chunkBytes: rawChunkBytes
        ) { rows throws(PackagingError) in littleEndianBytes(matrix.scales[rows]) }
        guard let multipliers = matrix.multipliers else { return [codes, scales] }
        let groupCount = matrix.groupCount
        return [
            codes, scales,
            try StoredTensor(
                name: name + ".multipliers", type: .i8, shape: [rowCount, groupCount],
                storing: .compressed, chunkBytes: matrixChunkBytes
            ) { rows throws(PackagingError) in
                multipliers[rows.lowerBound * groupCount..<rows.upperBound * groupCount].map {
                    UInt8(bitPattern: $0)
                }
            },
        ]
    }

    /// Chunks of tables take about as long to decode however sparse they are: a zero costs about a
    /// quarter of what another code does.
    private static func tableChunkBytes(of table: QuantizedRows) -> Int {
        let zeroCount = table.codes.count { $0 == 0 }
        let share = Double(zeroCount) / Double(max(1, table.codes.count))
        return Int(Double(tableChunkBytes) / min(1, 1.25 - share))
    }

    /// A float tensor: matrices with the element type they have, vectors widened to float32.
    private static func tensor(
        of parameter: Parameter, rowCount: Int, name: String, model: Model, folded: FoldedTerms?
    ) throws(PackagingError) -> StoredTensor {
        let elementType = parameter.storedElementType
        let stored: StoredType
        switch elementType {
        case .float32: stored = .f32
        case .float16: stored = .f16
        case .bfloat16: stored = .bf16
        default: throw .unsupportedElementType(tensor: name, type: elementType.name)
        }
        let checkpoint = model.checkpoint
        let shape = parameter.shape.isEmpty ? [] : [rowCount] + parameter.shape.dropFirst()
        return try StoredTensor(
            name: name, type: stored, shape: shape, storing: .raw, chunkBytes: rawChunkBytes
        ) { rows throws(PackagingError) in
            var values: [Float]
            do throws(ModelError) {
                values = try parameter.floats(in: checkpoint, rows: rows).values
            } catch {
                throw .model(error)
            }
            folded?.add(to: &values, of: name)
            // Widening and narrowing again gives the stored bits back, also for every NaN that
            // survives as one.
            switch elementType {
            case .float16: return littleEndianBytes(values.map(HalfFloat.narrow)[...])
            case .bfloat16: return littleEndianBytes(values.map(BrainFloat.narrow)[...])
            default: return littleEndianBytes(values[...])
            }
        }
    }

    private static func littleEndianBytes<Number>(_ values: ArraySlice<Number>) -> [UInt8] {
        // Both supported workstation architectures are little endian.
        values.withUnsafeBytes { Array($0) }
    }
}

extension Parameter {
    /// The element type that a container has for it.
    var storedElementType: ElementType {
        switch storage {
        case .checkpoint(_, let type): shape.count == 2 ? type : .float32
        case .checkpointPart(let part): shape.count == 2 ? part.elementType : .float32
        case .dense(_, let type): type
        case .quantizedRows: .int8
        }
    }
}
