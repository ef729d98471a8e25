import AtomicFiles
import CChecksums
import EdgeFormat

/// What was written.
package struct WrittenContainer: Sendable {
    package struct Entry: Sendable {
        package let name: String
        package let rawByteCount: Int
        package let storedByteCount: Int
    }

    package let byteCount: Int
    package let entries: [Entry]
    /// SHA-256 of the bytes after the header.
    package let contentDigest: [UInt8]
    /// Tensors of the checkpoint that were left out because nothing reads them.
    package let unusedTensors: [String]
}

/// Writes a lowered model as a container (formats/container.md).
package struct ContainerWriter {
    private let model: LoweredModel

    package init(_ model: LoweredModel) {
        self.model = model
    }

    /// Writes the container to `path`, where a complete file appears or none; `progress` is told
    /// the share that is written.
    ///
    /// - Throws: `format` if the model is beyond a limit of the format; what readers would refuse
    ///   is never written.
    package func write(
        to path: String, progress: (Double) -> Void = { _ in }
    ) throws(PackagingError) -> WrittenContainer {
        let file: AtomicFile
        do {
            file = try AtomicFile(path: path)
        } catch {
            throw .file(error)
        }
        return try write(to: file, progress: progress)
    }

    private func write(
        to file: AtomicFile, progress: (Double) -> Void
    ) throws(PackagingError) -> WrittenContainer {
        let compressor = try ChunkCompressor()
        var digest = atn_sha256()
        atn_sha256_begin(&digest)
        func append(_ bytes: [UInt8]) throws(PackagingError) {
            do {
                try file.append(bytes)
            } catch {
                throw .file(error)
            }
            bytes.withUnsafeBytes { atn_sha256_update(&digest, $0.baseAddress, $0.count) }
        }
        func align(to alignment: Int = ContainerHeader.alignment) throws(PackagingError) {
            let padding = (alignment - file.offset % alignment) % alignment
            try append([UInt8](repeating: 0, count: padding))
        }

        // Overwritten when everything behind it is known; no part of the digest.
        do {
            try file.append([UInt8](repeating: 0, count: ContainerHeader.byteCount))
        } catch {
            throw .file(error)
        }
        let indices = Dictionary(
            uniqueKeysWithValues: model.tensors.enumerated().map { ($0.element.name, $0.offset) })
        let rawTotal = max(1, model.tensors.reduce(0) { $0 + $1.rawByteCount })
        var rawDone = 0
        var chunks: [ChunkRecord] = []
        var records: [TensorRecord] = []
        var entries: [WrittenContainer.Entry] = []
        for tensor in model.tensors {
            let firstChunk = chunks.count
            var storedBytes = 0
            if tensor.rawByteCount > 0 {
                try align()
                let rowsPerChunk = tensor.chunkRawBytes / tensor.rowBytes
                for first in stride(from: 0, to: tensor.rowCount, by: rowsPerChunk) {
                    let raw = try tensor.bytes(first..<min(tensor.rowCount, first + rowsPerChunk))
                    let (encoding, stored) = try Self.stored(raw, of: tensor, compressor)
                    let checksum = stored.withUnsafeBytes {
                        atn_crc32c(0, $0.baseAddress, $0.count)
                    }
                    try align(to: tensor.type.byteCount)
                    chunks.append(
                        ChunkRecord(
                            offset: file.offset, storedSize: stored.count, rawSize: raw.count,
                            checksum: checksum, encoding: encoding))
                    try append(stored)
                    storedBytes += stored.count
                    rawDone += raw.count
                    progress(Double(rawDone) / Double(rawTotal))
                }
            }
            records.append(
                TensorRecord(
                    name: Array(tensor.name.utf8), type: tensor.type, shape: tensor.shape,
                    firstChunk: firstChunk, chunkCount: chunks.count - firstChunk,
                    chunkRawBytes: tensor.chunkRawBytes, scheme: tensor.scheme,
                    scales: tensor.scalesName.flatMap { indices[$0] },
                    multipliers: tensor.multipliersName.flatMap { indices[$0] }))
            entries.append(
                .init(
                    name: tensor.name, rawByteCount: tensor.rawByteCount,
                    storedByteCount: storedBytes))
        }
        try align()
        let directoryOffset = file.offset
        var features = model.features
        if chunks.contains(where: { $0.encoding == .sparse }) {
            features.append(Feature.sparseChunks)
        }
        let names = features.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) }
        let directory = ContainerDirectory(
            features: names, metadata: model.metadata, chunks: chunks,
            tensors: records, program: model.program
        ).encoded()
        try append(directory)

        var contentDigest = [UInt8](repeating: 0, count: 32)
        contentDigest.withUnsafeMutableBufferPointer { atn_sha256_end(&digest, $0.baseAddress) }
        let header = ContainerHeader(
            fileSize: file.offset, directoryOffset: directoryOffset,
            directorySize: directory.count, contentDigest: contentDigest,
            directoryChecksum: directory.withUnsafeBytes {
                atn_crc32c(0, $0.baseAddress, $0.count)
            })
        let readError: FormatError?
        do {
            try file.write(header.encoded(), at: 0)
            readError = try file.withBytes(Self.readError)
        } catch {
            throw .file(error)
        }
        if let readError { throw .format(readError) }
        do {
            try file.commit()
        } catch {
            throw .file(error)
        }
        return WrittenContainer(
            byteCount: header.fileSize, entries: entries, contentDigest: contentDigest,
            unusedTensors: model.unusedTensors)
    }

    /// How a chunk of a tensor is stored.
    private static func stored(
        _ raw: [UInt8], of tensor: StoredTensor, _ compressor: ChunkCompressor
    ) throws(PackagingError) -> (encoding: ChunkEncoding, bytes: [UInt8]) {
        guard tensor.storing != .raw else { return (.raw, raw) }
        let smallest = try compressor.store(raw, holdsCodes: tensor.type == .i8)
        let pays =
            tensor.storing == .compressed || smallest.bytes.count <= raw.count - raw.count / 4
        return pays ? smallest : (.raw, raw)
    }

    /// What a reader would say against the finished file, or nil; asked before it gets its name.
    private static func readError(_ bytes: UnsafeRawBufferPointer) -> FormatError? {
        do throws(FormatError) {
            let header = try ContainerHeader(parsing: bytes)
            _ = try ContainerDirectory(parsing: bytes, header: header)
            return nil
        } catch {
            return error
        }
    }
}
