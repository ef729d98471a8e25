import CEdgeKernels
import EdgeFormat

/// An embedding table that stays as it is stored: compressed chunks are decoded only for the rows
/// that an input needs, and a bounded number of decoded rows is kept.
final class EmbeddingTable {
    /// Upper bound in bytes for the decoded rows that one table keeps.
    static let cacheBytes = 2 << 20

    private let container: Container
    private let decoder: ChunkDecoder
    private let tensor: TensorRecord
    private let scales: AlignedBuffer?
    private let kernels: edgek_table
    private let rowBytes: Int
    private let rowsPerChunk: Int
    /// Raw chunks of the file whose checksums were verified.
    private var isChecked: [Bool]
    private let cache: RowCache?
    /// The raw bytes of the chunk that was decoded last.
    private let scratch: AlignedBuffer?

    init(
        _ container: Container, decoder: ChunkDecoder, tensor index: Int, kernels: edgek_table
    ) throws(RuntimeError) {
        self.container = container
        self.decoder = decoder
        self.kernels = kernels
        let tensor = container.directory.tensors[index]
        self.tensor = tensor
        if let scaleIndex = tensor.scales {
            scales = try decoder.bytes(of: container.directory.tensors[scaleIndex])
        } else {
            scales = nil
        }
        rowBytes = max(1, tensor.columnCount * tensor.type.byteCount)
        rowsPerChunk = max(1, tensor.chunkRawBytes / rowBytes)
        isChecked = [Bool](repeating: false, count: tensor.chunkCount)
        if Self.isCompressed(tensor, container.directory) {
            cache = try RowCache(
                rowCount: tensor.rowCount, rowBytes: rowBytes, byteLimit: Self.cacheBytes)
            scratch = try AlignedBuffer(byteCount: tensor.chunkRawBytes)
        } else {
            cache = nil
            scratch = nil
        }
    }

    /// Bytes that a table takes beside its scales.
    static func byteCount(of tensor: TensorRecord, in directory: ContainerDirectory) -> Int {
        guard isCompressed(tensor, directory) else { return 0 }
        let rowBytes = max(1, tensor.columnCount * tensor.type.byteCount)
        return RowCache.byteCount(
            rowCount: tensor.rowCount, rowBytes: rowBytes, byteLimit: cacheBytes)
            + tensor.chunkRawBytes
    }

    private static func isCompressed(
        _ tensor: TensorRecord, _ directory: ContainerDirectory
    ) -> Bool {
        (tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount).contains {
            directory.chunks[$0].encoding != .raw
        }
    }

    /// Calls `body` with the position and the floats of each row asked for, in no fixed order.
    ///
    /// - Parameter row: room for the columns of the table, which `body` reads.
    func read(
        _ rows: [Int], through row: UnsafeMutablePointer<Float>,
        _ body: (_ position: Int) -> Void
    ) throws(RuntimeError) {
        guard tensor.columnCount > 0 else { return }
        var missing: [Int] = []
        for (position, index) in rows.enumerated() {
            if let source = cache?.bytes(ofRow: index) {
                widen(source, index, row)
                body(position)
            } else {
                missing.append(position)
            }
        }
        // In the order of the table each chunk is decoded once.
        let order = stableOrder(of: missing.count) { rows[missing[$0]] < rows[missing[$1]] }
        var decoded = -1
        for place in order {
            let position = missing[place]
            let index = rows[position]
            let chunk = index / rowsPerChunk
            let start: UnsafeRawPointer
            do {
                start = try bytes(ofChunk: chunk, isDecoded: chunk == decoded)
            } catch {
                throw .format(error)
            }
            decoded = chunk
            let source = start + index % rowsPerChunk * rowBytes
            cache?.keep(row: index, source)
            widen(source, index, row)
            body(position)
        }
    }

    private func widen(
        _ source: UnsafeRawPointer, _ index: Int, _ row: UnsafeMutablePointer<Float>
    ) {
        let columns = Int64(tensor.columnCount)
        switch tensor.type {
        case .f32:
            UnsafeMutableRawPointer(row).copyMemory(from: source, byteCount: rowBytes)
        case .f16:
            kernels.widen_f16(source.assumingMemoryBound(to: UInt16.self), columns, row)
        case .bf16:
            kernels.widen_bf16(source.assumingMemoryBound(to: UInt16.self), columns, row)
        case .i8, .u8:
            let scale = scales.map { $0.floats()[index] } ?? 1
            kernels.dequantize(source.assumingMemoryBound(to: Int8.self), columns, scale, row)
        }
    }

    private func bytes(
        ofChunk position: Int, isDecoded: Bool
    ) throws(FormatError) -> UnsafeRawPointer {
        let index = tensor.firstChunk + position
        let chunk = container.directory.chunks[index]
        if chunk.encoding == .raw, let start = container.bytes.baseAddress {
            if !isChecked[position] {
                _ = try container.mappedBytes(ofChunk: index)
                isChecked[position] = true
            }
            return start + chunk.offset
        }
        guard let scratch else { throw .chunkNotDecodable(index: index) }
        if !isDecoded { try decoder.decode(chunk: index, into: scratch.start) }
        return UnsafeRawPointer(scratch.start)
    }
}

/// Rows of a table by their index, each with one place where it can be.
private final class RowCache {
    private let rows: AlignedBuffer
    private var rowOfPlace: [Int32]
    private let rowBytes: Int

    init(rowCount: Int, rowBytes: Int, byteLimit: Int) throws(RuntimeError) {
        let places = Self.placeCount(rowCount: rowCount, rowBytes: rowBytes, byteLimit: byteLimit)
        rows = try AlignedBuffer(byteCount: places * rowBytes)
        rowOfPlace = [Int32](repeating: -1, count: places)
        self.rowBytes = rowBytes
    }

    static func byteCount(rowCount: Int, rowBytes: Int, byteLimit: Int) -> Int {
        placeCount(rowCount: rowCount, rowBytes: rowBytes, byteLimit: byteLimit) * (rowBytes + 4)
    }

    private static func placeCount(rowCount: Int, rowBytes: Int, byteLimit: Int) -> Int {
        max(1, min(rowCount, byteLimit / rowBytes))
    }

    func bytes(ofRow row: Int) -> UnsafeRawPointer? {
        let place = row % rowOfPlace.count
        guard Int(rowOfPlace[place]) == row else { return nil }
        return UnsafeRawPointer(rows.start + place * rowBytes)
    }

    func keep(row: Int, _ source: UnsafeRawPointer) {
        let place = row % rowOfPlace.count
        (rows.start + place * rowBytes).copyMemory(from: source, byteCount: rowBytes)
        rowOfPlace[place] = Int32(truncatingIfNeeded: row)
    }
}
