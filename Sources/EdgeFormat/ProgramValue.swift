/// What the rows of a value hold.
package enum ValueKind: UInt8, Sendable {
    /// `[rows, columns]` of IEEE binary32.
    case floats = 0
    /// `[rows, columns]` of 8-bit activation codes, each row with its scale, zero point and sum.
    case codes = 1
}

/// An activation of the program.
package struct ProgramValue: Equatable, Sendable {
    static let byteCount = 12

    package var kind: ValueKind
    /// Number of rows; nil stands for the number of input tokens.
    package var fixedRows: Int?
    package var columnCount: Int

    package init(kind: ValueKind, fixedRows: Int?, columnCount: Int) {
        self.kind = kind
        self.fixedRows = fixedRows
        self.columnCount = columnCount
    }

    /// Rows for an input of `tokenCount` tokens.
    package func rowCount(tokenCount: Int) -> Int {
        fixedRows ?? tokenCount
    }

    init(parsing reader: inout ByteReader) throws(FormatError) {
        let kindCode = try reader.u8("value kind")
        guard let kind = ValueKind(rawValue: kindCode) else {
            throw .unknownCode(field: "value kind", code: UInt64(kindCode))
        }
        self.kind = kind
        let rowsKind = try reader.u8("value rows kind")
        try reader.zeros(2, "value padding")
        let rows = try reader.number("value rows")
        switch rowsKind {
        case 0:
            guard rows == 0 else {
                throw .wrongValue(field: "value rows", expected: 0, found: UInt64(rows))
            }
            fixedRows = nil
        case 1:
            guard rows > 0, rows <= ContainerLimits.maximumTokens else {
                throw .overLimit(
                    field: "value rows", limit: UInt64(ContainerLimits.maximumTokens),
                    found: UInt64(rows))
            }
            fixedRows = rows
        default:
            throw .unknownCode(field: "value rows kind", code: UInt64(rowsKind))
        }
        columnCount = try reader.number("value columns")
        guard columnCount <= 1 << 24 else {
            throw .overLimit(
                field: "value columns", limit: 1 << 24, found: UInt64(columnCount))
        }
    }

    func encode(into writer: inout ByteWriter) {
        writer.u8(kind.rawValue)
        writer.u8(fixedRows == nil ? 0 : 1)
        writer.zeros(2)
        writer.u32(UInt32(fixedRows ?? 0))
        writer.u32(UInt32(columnCount))
    }
}
