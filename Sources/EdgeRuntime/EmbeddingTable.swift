import CEdgeKernels
import EdgeFormat

/// An embedding table that stays as it is stored: only the chunks with rows that an input needs
/// are decoded, and a bounded number of them is kept.
final class EmbeddingTable {
    /// Upper bound in bytes for the decoded chunks that one table keeps.
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
    private var cache: [AlignedBuffer] = []
    private var chunkOfEntry: [Int] = []
    private var entryOfChunk: [Int32]
    private var nextEviction = 0
    private let cacheCapacity: Int

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
        entryOfChunk = [Int32](repeating: -1, count: tensor.chunkCount)
        cacheCapacity = Self.cacheCapacity(of: tensor)
    }

    /// Bytes that the cache of a table may grow to.
    static func cacheByteCount(of tensor: TensorRecord) -> Int {
        cacheCapacity(of: tensor) * tensor.chunkRawBytes
    }

    private static func cacheCapacity(of tensor: TensorRecord) -> Int {
        min(max(1, tensor.chunkCount), max(1, cacheBytes / max(1, tensor.chunkRawBytes)))
    }

    /// Writes row `row` as floats to `destination`, which has room for the columns of the table.
    func read(row: Int, into destination: UnsafeMutablePointer<Float>) throws(RuntimeError) {
        let columns = Int64(tensor.columnCount)
        guard columns > 0 else { return }
        let source: UnsafeRawPointer
        do {
            source = try chunkBytes(row / rowsPerChunk) + row % rowsPerChunk * rowBytes
        } catch {
            throw .format(error)
        }
        switch tensor.type {
        case .f32:
            UnsafeMutableRawPointer(destination).copyMemory(from: source, byteCount: rowBytes)
        case .f16:
            kernels.widen_f16(source.assumingMemoryBound(to: UInt16.self), columns, destination)
        case .bf16:
            kernels.widen_bf16(source.assumingMemoryBound(to: UInt16.self), columns, destination)
        case .i8, .u8:
            let scale = scales.map { $0.floats()[row] } ?? 1
            kernels.dequantize(
                source.assumingMemoryBound(to: Int8.self), columns, scale, destination)
        }
    }

    private func chunkBytes(_ position: Int) throws(FormatError) -> UnsafeRawPointer {
        let index = tensor.firstChunk + position
        let chunk = container.directory.chunks[index]
        if chunk.encoding == .raw, let start = container.bytes.baseAddress {
            if !isChecked[position] {
                _ = try container.storedBytes(ofChunk: index)
                isChecked[position] = true
            }
            return start + chunk.offset
        }
        if entryOfChunk[position] >= 0 {
            return UnsafeRawPointer(cache[Int(entryOfChunk[position])].start)
        }
        let entry: Int
        if cache.count < cacheCapacity {
            do {
                cache.append(try AlignedBuffer(byteCount: tensor.chunkRawBytes))
            } catch {
                throw .outOfMemory(byteCount: UInt64(tensor.chunkRawBytes))
            }
            chunkOfEntry.append(-1)
            entry = cache.count - 1
        } else {
            entry = nextEviction
            nextEviction = (nextEviction + 1) % cacheCapacity
            if chunkOfEntry[entry] >= 0 { entryOfChunk[chunkOfEntry[entry]] = -1 }
            chunkOfEntry[entry] = -1
        }
        try decoder.decode(chunk: index, into: cache[entry].start)
        chunkOfEntry[entry] = position
        entryOfChunk[position] = Int32(entry)
        return UnsafeRawPointer(cache[entry].start)
    }
}
