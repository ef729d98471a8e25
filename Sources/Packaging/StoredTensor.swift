package import EdgeFormat

/// A tensor on its way into a container: its record and a way to get its bytes.
package struct StoredTensor {
    /// How chunks are stored.
    package enum Storing {
        /// As they are, so that the runtime can use them where they are mapped.
        case raw
        /// As zstd frames or sparse chunks where these are smaller.
        case compressed
        /// As they are unless a frame saves a quarter: numbers that are all alike take no place, and
        /// for the little that others would save nothing is decoded.
        case rawUnlessRepetitive
    }

    package let name: String
    package let type: StoredType
    package let shape: [Int]
    package let scheme: QuantizationScheme
    /// Name of the tensor of scales.
    package let scalesName: String?
    /// Name of the tensor of multipliers.
    package let multipliersName: String?
    package let storing: Storing
    /// Bytes of one chunk before compression, a multiple of the row size; 0 for an empty tensor.
    package let chunkRawBytes: Int
    /// The bytes of some rows; little endian.
    package let bytes: (_ rows: Range<Int>) throws(PackagingError) -> [UInt8]

    package var rowCount: Int { shape.first ?? 1 }

    package var rowBytes: Int {
        shape.dropFirst().reduce(1, *) * type.byteCount
    }

    package var rawByteCount: Int { rowCount * rowBytes }

    /// Describes a tensor whose chunks have about `chunkBytes` bytes.
    ///
    /// - Throws: `rowTooLarge` if one row does not fit a chunk.
    package init(
        name: String, type: StoredType, shape: [Int], scheme: QuantizationScheme = .none,
        scalesName: String? = nil, multipliersName: String? = nil, storing: Storing,
        chunkBytes: Int, rowsMultiple: Int = 1,
        bytes: @escaping (_ rows: Range<Int>) throws(PackagingError) -> [UInt8]
    ) throws(PackagingError) {
        guard name.utf8.count <= Int(UInt16.max) else {
            throw .overLimit(
                tensor: name, field: "length of the name", found: name.utf8.count,
                limit: Int(UInt16.max))
        }
        for size in shape where size > Int(UInt32.max) {
            throw .overLimit(
                tensor: name, field: "a dimension", found: size, limit: Int(UInt32.max))
        }
        self.name = name
        self.type = type
        self.shape = shape
        self.scheme = scheme
        self.scalesName = scalesName
        self.multipliersName = multipliersName
        self.storing = storing
        self.bytes = bytes
        let rowBytes = shape.dropFirst().reduce(1, *) * type.byteCount
        guard rowBytes <= ContainerLimits.chunkRawBytes else {
            throw .rowTooLarge(
                tensor: name, byteCount: rowBytes, limit: ContainerLimits.chunkRawBytes)
        }
        let rowCount = shape.first ?? 1
        guard rowBytes > 0, rowCount > 0 else {
            chunkRawBytes = 0
            return
        }
        var rows = max(1, chunkBytes / rowBytes)
        if rows > rowsMultiple { rows -= rows % rowsMultiple }
        chunkRawBytes = min(rows, rowCount) * rowBytes
    }
}
