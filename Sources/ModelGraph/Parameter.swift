package import Tensors

/// A weight matrix as signed bytes with one scale per row: w[r][c] ≈ scales[r] · codes[r][c].
///
/// Codes of 4 bits have multipliers besides: w[r][c] ≈ scales[r] · (multipliers[r][c / 32] · codes[r][c]).
package struct QuantizedRows: Sendable {
    /// Columns that share a multiplier.
    package static let groupSize = 32

    package let rowCount: Int
    package let columnCount: Int
    /// `[rowCount, columnCount]`, each in −127…127, or in −8…7 where there are multipliers.
    package let codes: [Int8]
    /// One per row, `[rowCount]`.
    package let scales: [Float]
    /// `[rowCount, groupCount]`, each in −127…127; nil for codes of 8 bits.
    package let multipliers: [Int8]?

    package init(
        rowCount: Int, columnCount: Int, codes: [Int8], scales: [Float], multipliers: [Int8]? = nil
    ) {
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.codes = codes
        self.scales = scales
        self.multipliers = multipliers
    }

    /// What it takes before the codes are compressed.
    package var byteCount: Int {
        let codeBytes = multipliers == nil ? codes.count : (codes.count + 1) / 2
        return codeBytes + 4 * scales.count + (multipliers?.count ?? 0)
    }

    /// Groups of a row.
    package var groupCount: Int { Self.groupCount(columnCount) }

    package static func groupCount(_ columnCount: Int) -> Int {
        (columnCount + groupSize - 1) / groupSize
    }
}

/// A weight of a model, wherever its numbers are at the moment.
package struct Parameter: Sendable {
    package enum Storage: Sendable {
        /// In the checkpoint, under this name, with this element type; read when needed.
        case checkpoint(name: String, elementType: ElementType)
        /// Part of a tensor in the checkpoint; read when needed.
        case checkpointPart(TensorPart)
        /// Computed by a pass or an architecture; every value is exact in `elementType` (F32, F16 or
        /// BF16), which a container stores.
        case dense(Tensor, elementType: ElementType = .float32)
        /// Quantized by a pass.
        case quantizedRows(QuantizedRows)
    }

    package var shape: [Int]
    package var storage: Storage

    package init(shape: [Int], storage: Storage) {
        self.shape = shape
        self.storage = storage
    }

    package var elementCount: Int {
        shape.reduce(1, *)
    }

    /// The element type of the numbers; nil if they are quantized.
    package var floatType: ElementType? {
        switch storage {
        case .checkpoint(_, let type), .dense(_, let type): type
        case .checkpointPart(let part): part.elementType
        case .quantizedRows: nil
        }
    }

    /// Bytes that the numbers take in the checkpoint; nil if they were computed.
    package var checkpointByteCount: Int? {
        switch storage {
        case .checkpoint(_, let type): elementCount * type.byteCount
        case .checkpointPart(let part): elementCount * part.elementType.byteCount
        case .dense, .quantizedRows: nil
        }
    }

    /// The tensor of the checkpoint that has the numbers, whole or in part; nil if they were
    /// computed.
    package var tensorName: String? {
        switch storage {
        case .checkpoint(let name, _): name
        case .checkpointPart(let part): part.tensor
        case .dense, .quantizedRows: nil
        }
    }
}
