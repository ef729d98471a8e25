/// The parts of a chunk of codes most of which are zero: a bit for each code that says whether it
/// has a value, and the values that are not zero.
package struct SparseChunk {
    /// Bytes of the size of the mask, which the chunk starts with.
    package static let headerByteCount = 4

    /// A mask of `maskByteCount` bytes: as it is if it has this size, else one zstd frame.
    package let mask: UnsafeRawBufferPointer
    /// As many values as the mask has bits: as they are if these are as many bytes, else one frame.
    package let values: UnsafeRawBufferPointer

    /// Bytes of the mask of `codeCount` codes.
    package static func maskByteCount(codeCount: Int) -> Int {
        codeCount / 8 + (codeCount % 8 > 0 ? 1 : 0)
    }

    /// Finds the parts of the stored bytes of chunk `index`, which holds `codeCount` codes.
    package init(
        parsing stored: UnsafeRawBufferPointer, codeCount: Int, index: Int
    ) throws(FormatError) {
        guard stored.count > Self.headerByteCount, let start = stored.baseAddress else {
            throw .sparseChunk(
                index: index, field: "stored size", expected: UInt64(Self.headerByteCount + 1),
                found: UInt64(stored.count))
        }
        let maskSize = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
        let limit = min(
            Self.maskByteCount(codeCount: codeCount), stored.count - Self.headerByteCount)
        guard maskSize > 0, maskSize <= UInt32(limit) else {
            throw .sparseChunk(
                index: index, field: "stored size of the mask", expected: UInt64(limit),
                found: UInt64(maskSize))
        }
        let valuesStart = Self.headerByteCount + Int(maskSize)
        mask = UnsafeRawBufferPointer(rebasing: stored[Self.headerByteCount..<valuesStart])
        values = UnsafeRawBufferPointer(rebasing: stored[valuesStart...])
    }

    /// Counts the bits of a decoded mask and checks that none lies behind the last code.
    package static func valueCount(
        mask: UnsafeRawBufferPointer, codeCount: Int, index: Int
    ) throws(FormatError) -> Int {
        var count = 0
        var position = 0
        while position + 8 <= mask.count {
            count += mask.loadUnaligned(fromByteOffset: position, as: UInt64.self).nonzeroBitCount
            position += 8
        }
        while position < mask.count {
            count += mask[position].nonzeroBitCount
            position += 1
        }
        if codeCount % 8 > 0, let last = mask.last {
            let behind = last >> UInt8(codeCount % 8)
            guard behind == 0 else {
                throw .sparseChunk(
                    index: index, field: "padding of the mask", expected: 0, found: UInt64(behind))
            }
        }
        return count
    }
}
