import CChecksums
import CZstd
import EdgeFormat

/// A small valid container with every instruction, held in parts that a test may change.
struct SampleContainer {
    /// The bytes from 128 to the directory.
    var data: [UInt8] = []
    var directory: ContainerDirectory

    /// A container without tensors.
    init(program: Program) {
        directory = ContainerDirectory(
            features: [Feature.int8Attention.bytes, Feature.int8Rows.bytes], metadata: Metadata(),
            chunks: [], tensors: [], program: program)
    }

    init() {
        self.init(program: Self.program)
        directory.metadata.set("family", .text(Array("bert".utf8)))
        directory.metadata.set("labels", .texts([Array("no".utf8), Array("yes".utf8)]))
        directory.metadata.set("year", .integer(-2026))
        append("beta", .f32, [8])
        append("bias", .f32, [8])
        append("gamma", .f32, [8])
        append("head", .bf16, [2, 8], rowsPerChunk: 1)
        append("multipliers", .f32, [8])
        append("nothing", .f32, [3, 0])
        append("positions", .f16, [10, 8])
        append("tokenizer", .u8, [5])
        append("tokens", .i8, [5, 8], rowsPerChunk: 2, scales: 9)
        append("tokens.scales", .f32, [5])
        append("types", .f32, [2, 8])
        append("weight", .i8, [8, 8], scales: 12, isCompressed: true)
        append("weight.scales", .f32, [8])
    }

    /// Stores a tensor; names must come in ascending order.
    mutating func append(
        _ name: String, _ type: StoredType, _ shape: [Int], rowsPerChunk: Int? = nil,
        scales: Int? = nil, isCompressed: Bool = false
    ) {
        let rowBytes = shape.dropFirst().reduce(type.byteCount, *)
        let firstChunk = directory.chunks.count
        let chunkRows = max(1, rowsPerChunk ?? shape[0])
        let isEmpty = rowBytes * shape[0] == 0
        if !isEmpty { align(to: ContainerHeader.alignment) }
        for first in stride(from: 0, to: isEmpty ? 0 : shape[0], by: chunkRows) {
            let byteCount = (min(shape[0], first + chunkRows) - first) * rowBytes
            let raw = (0..<byteCount).map { UInt8(isCompressed ? 7 : ($0 * 29 + 1) & 0x3f) }
            let stored = isCompressed ? Self.zstdFrame(raw) : raw
            align(to: type.byteCount)
            directory.chunks.append(
                ChunkRecord(
                    offset: ContainerHeader.byteCount + data.count, storedSize: stored.count,
                    rawSize: raw.count, checksum: crc32c(stored),
                    encoding: isCompressed ? .zstd : .raw))
            data += stored
        }
        directory.tensors.append(
            TensorRecord(
                name: Array(name.utf8), type: type, shape: shape, firstChunk: firstChunk,
                chunkCount: directory.chunks.count - firstChunk,
                chunkRawBytes: isEmpty ? 0 : min(chunkRows, shape[0]) * rowBytes,
                scheme: scales == nil ? .none : .int8Rows, scales: scales))
    }

    private mutating func align(to alignment: Int) {
        while data.count % alignment != 0 { data.append(0) }
    }

    /// The file, with sizes and checksums that fit.
    func bytes() -> [UInt8] {
        Self.file(data: data, directory: directory.encoded())
    }

    static func file(data: [UInt8], directory: [UInt8]) -> [UInt8] {
        var content = data
        while content.count % ContainerHeader.alignment != 0 { content.append(0) }
        let offset = ContainerHeader.byteCount + content.count
        content += directory
        return ContainerHeader(
            fileSize: ContainerHeader.byteCount + content.count, directoryOffset: offset,
            directorySize: directory.count, contentDigest: sha256(content),
            directoryChecksum: crc32c(directory)
        ).encoded() + content
    }

    static func zstdFrame(_ raw: [UInt8]) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(raw.count))
        let count = frame.withUnsafeMutableBytes { frame in
            raw.withUnsafeBytes {
                ZSTD_compress(frame.baseAddress, frame.count, $0.baseAddress, $0.count, 3)
            }
        }
        precondition(ZSTD_isError(count) == 0)
        return Array(frame[..<count])
    }
}

extension SampleContainer {
    /// Values and instructions by name, so that tests can say which one they change.
    enum Value {
        static let embedded = 0
        static let codes = 1
        static let projected = 2
        static let attended = 3
        static let normalized = 4
        static let sum = 5
        static let activated = 6
        static let pooled = 7
        static let logits = 8
        static let embedding = 9
    }

    enum Tensor {
        static let beta = 0
        static let bias = 1
        static let gamma = 2
        static let head = 3
        static let multipliers = 4
        static let nothing = 5
        static let positions = 6
        static let tokenizer = 7
        static let tokens = 8
        static let tokenScales = 9
        static let types = 10
        static let weight = 11
        static let weightScales = 12
    }

    static let attention = AttentionShape(
        headCount: 2, keyValueHeadCount: 2, headSize: 4, valueSize: 4, scale: 0.5, isCausal: true,
        arithmetic: .int8)

    static let program = Program(
        maximumTokens: 8, vocabularySize: 5, typeCount: 2,
        values: [
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .codes, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: nil, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: 1, columnCount: 8),
            ProgramValue(kind: .floats, fixedRows: 1, columnCount: 2),
            ProgramValue(kind: .floats, fixedRows: 1, columnCount: 8),
        ],
        instructions: [
            .embed(
                output: Value.embedded,
                terms: [
                    EmbedTerm(table: Tensor.tokens, index: .tokenIDs, offset: 0),
                    EmbedTerm(table: Tensor.positions, index: .positions, offset: 2),
                    EmbedTerm(table: Tensor.types, index: .typeIDs, offset: 0),
                ]),
            .quantize(
                input: Value.embedded, output: Value.codes, multipliers: Tensor.multipliers,
                range: nil),
            .linear(
                input: Value.codes, residual: nil, output: Value.projected, weight: Tensor.weight,
                bias: Tensor.bias, activation: .gelu),
            .attention(
                query: Value.projected, key: Value.projected, value: Value.projected,
                output: Value.attended, shape: attention),
            .layerNorm(
                input: Value.attended, residual: Value.embedded, output: Value.normalized,
                gamma: Tensor.gamma, beta: Tensor.beta, epsilon: 1e-12),
            .add(left: Value.normalized, right: Value.attended, output: Value.sum),
            .activate(input: Value.sum, output: Value.activated, activation: .tanh),
            .pool(input: Value.activated, output: Value.pooled, pooling: .mean),
            .linear(
                input: Value.pooled, residual: nil, output: Value.logits, weight: Tensor.head,
                bias: nil, activation: .none),
            .normalizeL2(input: Value.pooled, output: Value.embedding, epsilon: 1e-12),
        ],
        outputs: [
            ProgramOutput(code: .hiddenState, value: Value.normalized),
            ProgramOutput(code: .embedding, value: Value.embedding),
            ProgramOutput(code: .logits, value: Value.logits),
        ])
}

func crc32c(_ bytes: [UInt8]) -> UInt32 {
    bytes.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var state = atn_sha256()
    atn_sha256_begin(&state)
    bytes.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
    var digest = [UInt8](repeating: 0, count: 32)
    atn_sha256_end(&state, &digest)
    return digest
}
