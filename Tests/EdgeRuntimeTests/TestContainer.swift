import CChecksums
import CZstd
import EdgeFormat
import EdgeRuntime

/// A container in the making: tensors and values are numbered as they are added.
struct TestContainer {
    enum Storing: Equatable {
        case raw
        case zstd
        /// Only codes that are not zero.
        case sparse
        /// These bytes as a sparse chunk, right or wrong.
        case sparseAs([UInt8])
    }

    var features: [[UInt8]] = [Feature.int8Attention.bytes, Feature.int8Rows.bytes]
    var metadata = Metadata()
    var program = Program(
        maximumTokens: 200, vocabularySize: 1, typeCount: 0, values: [], instructions: [],
        outputs: [])
    private(set) var tensors: [TensorRecord] = []
    private(set) var chunks: [ChunkRecord] = []
    /// The bytes from 128 to the directory.
    private(set) var data: [UInt8] = []
    /// The numbers that each tensor stands for, for the reference.
    private(set) var numbers: [[Float]] = []
    /// Codes and scales of the matrices of codes.
    private(set) var codes: [Int: (codes: [Int8], scales: [Float])] = [:]
    /// Of the tensors of kept tokens, the tokens.
    private(set) var keptTokens: [Int: [Int]] = [:]

    init() {
        metadata.set("task", .text(Array("raw".utf8)))
    }

    // MARK: - Tensors

    /// Adds a tensor of floats; its numbers are rounded to the element type.
    mutating func add(
        _ numbers: [Float], _ shape: [Int], as type: StoredType = .f32, rowsPerChunk: Int? = nil,
        storing: Storing = .raw
    ) -> Int {
        let bytes: [UInt8]
        let rounded: [Float]
        switch type {
        case .f16:
            let halves = numbers.map { Float16($0) }
            rounded = halves.map { Float($0) }
            bytes = halves.map(\.bitPattern).withUnsafeBytes { Array($0) }
        case .bf16:
            let halves = numbers.map { UInt16($0.bitPattern >> 16) }
            rounded = halves.map { Float(bitPattern: UInt32($0) << 16) }
            bytes = halves.withUnsafeBytes { Array($0) }
        default:
            rounded = numbers
            bytes = numbers.withUnsafeBytes { Array($0) }
        }
        return append(
            bytes, shape, type, rowsPerChunk: rowsPerChunk, storing: storing, numbers: rounded)
    }

    /// Adds a matrix of codes with the scales of its rows.
    mutating func add(
        codes: [Int8], scales: [Float], _ shape: [Int], rowsPerChunk: Int? = nil,
        storing: Storing = .zstd
    ) -> Int {
        let columns = shape[1]
        let numbers = codes.indices.map { Float(codes[$0]) * scales[$0 / columns] }
        let index = append(
            codes.map { UInt8(bitPattern: $0) }, shape, .i8, rowsPerChunk: rowsPerChunk,
            storing: storing, numbers: numbers, scales: tensors.count + 1)
        self.codes[index] = (codes, scales)
        _ = add(scales, [shape[0]])
        return index
    }

    /// Adds a random matrix of codes.
    mutating func addCodes(
        _ rows: Int, _ columns: Int, _ random: inout RandomNumbers, rowsPerChunk: Int? = nil,
        storing: Storing = .zstd
    ) -> Int {
        let codes = (0..<rows * columns).map { _ in Int8(random.below(255) - 127) }
        let scales = (0..<rows).map { _ in abs(random.float(0.02)) + 1e-4 }
        return add(
            codes: codes, scales: scales, [rows, columns], rowsPerChunk: rowsPerChunk,
            storing: storing)
    }

    /// Adds a tensor with the bits of some tokens of the vocabulary set.
    mutating func add(keptTokens tokens: [Int], storing: Storing = .raw) -> Int {
        var bits = [UInt8](repeating: 0, count: (program.vocabularySize + 7) / 8)
        for token in tokens { bits[token / 8] |= 1 << UInt8(token % 8) }
        list(Feature.keptTokens)
        let index = append(
            bits, [bits.count], .u8, rowsPerChunk: nil, storing: storing, numbers: [])
        keptTokens[index] = tokens
        return index
    }

    /// Adds the last tensor, the section that a tokenizer is read from.
    mutating func add(tokenizer bytes: [UInt8]) {
        _ = append(
            bytes, [bytes.count], .u8, rowsPerChunk: nil, storing: .raw, numbers: [],
            name: "tokenizer")
    }

    private mutating func append(
        _ bytes: [UInt8], _ shape: [Int], _ type: StoredType, rowsPerChunk: Int?,
        storing: Storing, numbers: [Float], scales: Int? = nil, name: String? = nil
    ) -> Int {
        let index = tensors.count
        let digits = String(index)
        let ordered = "t" + String(repeating: "0", count: 5 - digits.utf8.count) + digits
        let rowBytes = shape.dropFirst().reduce(type.byteCount, *)
        precondition(bytes.count == rowBytes * shape[0])
        let chunkRows = max(1, min(rowsPerChunk ?? shape[0], shape[0]))
        let firstChunk = chunks.count
        if !bytes.isEmpty { align(to: ContainerHeader.alignment) }
        for first in stride(from: 0, to: bytes.count, by: max(1, chunkRows * rowBytes)) {
            let raw = Array(bytes[first..<min(bytes.count, first + chunkRows * rowBytes)])
            let (encoding, stored) = Self.store(raw, storing)
            align(to: type.byteCount)
            chunks.append(
                ChunkRecord(
                    offset: ContainerHeader.byteCount + data.count, storedSize: stored.count,
                    rawSize: raw.count, checksum: Self.crc32c(stored), encoding: encoding))
            data += stored
            if encoding == .sparse { list(Feature.sparseChunks) }
        }
        tensors.append(
            TensorRecord(
                name: Array((name ?? ordered).utf8), type: type, shape: shape,
                firstChunk: firstChunk, chunkCount: chunks.count - firstChunk,
                chunkRawBytes: bytes.isEmpty ? 0 : chunkRows * rowBytes,
                scheme: scales == nil ? .none : .int8Rows, scales: scales))
        self.numbers.append(numbers)
        return index
    }

    private static func store(
        _ raw: [UInt8], _ storing: Storing
    ) -> (encoding: ChunkEncoding, stored: [UInt8]) {
        switch storing {
        case .raw:
            return (.raw, raw)
        case .zstd:
            let frame = zstdFrame(raw)
            return frame.count < raw.count ? (.zstd, frame) : (.raw, raw)
        case .sparse:
            let stored = sparseChunk(raw)
            return stored.count <= raw.count ? (.sparse, stored) : (.raw, raw)
        case .sparseAs(let stored):
            return (.sparse, stored)
        }
    }

    /// The smallest sparse chunk of some codes.
    static func sparseChunk(_ codes: [UInt8]) -> [UInt8] {
        var mask = [UInt8](repeating: 0, count: (codes.count + 7) / 8)
        for (index, code) in codes.enumerated() where code != 0 {
            mask[index / 8] |= 1 << UInt8(index % 8)
        }
        let values = codes.filter { $0 != 0 }
        return sparseChunk(
            mask: [mask, zstdFrame(mask)].min { $0.count < $1.count } ?? mask,
            values: [values, zstdFrame(values)].min { $0.count < $1.count } ?? values)
    }

    /// A sparse chunk of parts as they are stored.
    static func sparseChunk(mask: [UInt8], values: [UInt8]) -> [UInt8] {
        let size = (0..<4).map { UInt8(truncatingIfNeeded: mask.count >> (8 * $0)) }
        return size + mask + values
    }

    /// Changes a byte of a stored chunk and records the checksum that fits.
    mutating func damageFrame(_ index: Int, at position: Int) {
        let start = chunks[index].offset - ContainerHeader.byteCount
        data[start + position] ^= 0xff
        chunks[index].checksum = Self.crc32c(
            Array(data[start..<start + chunks[index].storedSize]))
    }

    private mutating func align(to alignment: Int) {
        while data.count % alignment != 0 { data.append(0) }
    }

    // MARK: - Program

    /// Adds a value that an instruction is yet to write.
    mutating func value(
        _ columns: Int, _ kind: ValueKind = .floats, fixedRows: Int? = nil
    ) -> Int {
        program.values.append(
            ProgramValue(kind: kind, fixedRows: fixedRows, columnCount: columns))
        return program.values.count - 1
    }

    /// Adds a value that the program reads from the rows of a table, in their order.
    mutating func input(_ rows: [Float], columns: Int, count: Int? = nil) -> Int {
        let count = count ?? rows.count / max(1, columns)
        precondition(rows.count == count * columns)
        program.vocabularySize = max(program.vocabularySize, count)
        program.maximumTokens = max(1, count)
        let table = add(rows, [count, columns])
        let output = value(columns)
        program.instructions.append(
            .embed(
                output: output, terms: [EmbedTerm(table: table, index: .tokenIDs, offset: 0)]))
        return output
    }

    mutating func list(_ feature: StaticText) {
        if features.contains(feature.bytes) { return }
        features.append(feature.bytes)
        features.sort { $0.lexicographicallyPrecedes($1) }
    }

    mutating func quantize(
        _ input: Int, multipliers: Int? = nil, range: CodeRange? = nil
    ) -> Int {
        let source = program.values[input]
        let output = value(source.columnCount, .codes, fixedRows: source.fixedRows)
        if range != nil { list(Feature.staticRanges) }
        program.instructions.append(
            .quantize(input: input, output: output, multipliers: multipliers, range: range))
        return output
    }

    mutating func linear(
        _ input: Int, weight: Int, bias: Int? = nil, residual: Int? = nil,
        activation: ActivationCode = .none
    ) -> Int {
        let output = value(
            tensors[weight].rowCount, fixedRows: program.values[input].fixedRows)
        program.instructions.append(
            .linear(
                input: input, residual: residual, output: output, weight: weight, bias: bias,
                activation: activation))
        return output
    }

    mutating func attention(
        _ query: Int, _ key: Int, _ value: Int, _ shape: AttentionShape
    ) -> Int {
        let output = self.value(
            shape.headCount * shape.valueSize, fixedRows: program.values[query].fixedRows)
        program.instructions.append(
            .attention(query: query, key: key, value: value, output: output, shape: shape))
        return output
    }

    /// Adds an instruction that makes a value of the shape of `input`.
    mutating func sameShape(_ input: Int, _ make: (_ output: Int) -> Instruction) -> Int {
        let source = program.values[input]
        let output = value(source.columnCount, fixedRows: source.fixedRows)
        program.instructions.append(make(output))
        return output
    }

    mutating func pool(_ input: Int, _ pooling: PoolCode) -> Int {
        let output = value(program.values[input].columnCount, fixedRows: 1)
        program.instructions.append(.pool(input: input, output: output, pooling: pooling))
        return output
    }

    mutating func setOutput(_ code: OutputCode, _ value: Int) {
        program.outputs.removeAll { $0.code == code }
        program.outputs.append(ProgramOutput(code: code, value: value))
        program.outputs.sort { $0.code.rawValue < $1.code.rawValue }
    }

    // MARK: - Bytes

    /// The file, with sizes and checksums that fit.
    func bytes() -> [UInt8] {
        let directory = ContainerDirectory(
            features: features, metadata: metadata, chunks: chunks, tensors: tensors,
            program: program
        ).encoded()
        var content = data
        while content.count % ContainerHeader.alignment != 0 { content.append(0) }
        let offset = ContainerHeader.byteCount + content.count
        content += directory
        var state = atn_sha256()
        atn_sha256_begin(&state)
        content.withUnsafeBytes { atn_sha256_update(&state, $0.baseAddress, $0.count) }
        var digest = [UInt8](repeating: 0, count: 32)
        atn_sha256_end(&state, &digest)
        return ContainerHeader(
            fileSize: ContainerHeader.byteCount + content.count, directoryOffset: offset,
            directorySize: directory.count, contentDigest: digest,
            directoryChecksum: Self.crc32c(directory)
        ).encoded() + content
    }

    /// Opens the container over bytes that stay for the rest of the process.
    func open() throws(RuntimeError) -> Container {
        try Self.open(bytes())
    }

    static func open(_ bytes: [UInt8]) throws(RuntimeError) -> Container {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, bytes.count), alignment: 64)
        memory.copyBytes(from: bytes)
        return try Container(
            borrowing: UnsafeRawBufferPointer(start: memory.baseAddress, count: bytes.count))
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

    static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { atn_crc32c(0, $0.baseAddress, $0.count) }
    }
}
