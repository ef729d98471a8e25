/// The element types of stored tensors.
package enum StoredType: UInt8, Sendable {
    case f32 = 1
    case f16 = 2
    case bf16 = 3
    case i8 = 4
    case u8 = 5

    package var byteCount: Int {
        switch self {
        case .f32: 4
        case .f16, .bf16: 2
        case .i8, .u8: 1
        }
    }
}

/// How the elements of a tensor stand for real numbers.
package enum QuantizationScheme: UInt8, Sendable {
    /// The elements are the numbers.
    case none = 0
    /// `i8` of shape `[rows, columns]`, codes −127…127; number = scales[row] · code, with scales
    /// an `f32` tensor of shape `[rows]`.
    case int8Rows = 1
    /// `i8` of shape `[rows, columns]`, codes −8…7; number = scales[row] · (multipliers[row, column /
    /// 32] · code), with scales as above and multipliers an `i8` tensor of shape `[rows, ⌈columns /
    /// 32⌉]`, −127…127.
    case int4Groups = 2
}

/// Name, shape and place of a tensor.
package struct TensorRecord: Equatable, Sendable {
    package static let byteCount = 48
    package static let none: UInt32 = 0xffff_ffff

    /// UTF-8.
    package var name: [UInt8]
    package var type: StoredType
    package var shape: [Int]
    package var firstChunk: Int
    package var chunkCount: Int
    /// Bytes of every chunk of this tensor before compression, except that the last may be
    /// shorter; a multiple of the row size, no more than the tensor has, 0 for an empty tensor.
    package var chunkRawBytes: Int
    package var scheme: QuantizationScheme
    /// Index of the tensor of scales.
    package var scales: Int?
    /// Index of the tensor of multipliers.
    package var multipliers: Int?

    package init(
        name: [UInt8], type: StoredType, shape: [Int], firstChunk: Int, chunkCount: Int,
        chunkRawBytes: Int, scheme: QuantizationScheme, scales: Int?, multipliers: Int? = nil
    ) {
        self.name = name
        self.type = type
        self.shape = shape
        self.firstChunk = firstChunk
        self.chunkCount = chunkCount
        self.chunkRawBytes = chunkRawBytes
        self.scheme = scheme
        self.scales = scales
        self.multipliers = multipliers
    }

    package var elementCount: Int {
        shape.reduce(1, &*)
    }

    package var rawByteCount: Int {
        elementCount &* type.byteCount
    }

    /// Rows of a matrix; elements of a vector.
    package var rowCount: Int {
        shape.first ?? 1
    }

    /// Inputs that share a multiplier.
    package static let groupSize = 32

    /// Groups of a row.
    package var groupCount: Int {
        (columnCount + Self.groupSize - 1) / Self.groupSize
    }

    /// Elements of one row: 1 for a vector.
    package var columnCount: Int {
        shape.dropFirst().reduce(1, &*)
    }

    /// Reads a record; its name lies in `names` at the offset that follows the previous name.
    init(parsing reader: inout ByteReader, names: inout ByteReader) throws(FormatError) {
        let nameOffset = try reader.number("tensor name offset")
        let nameLength = Int(try reader.u16("tensor name length"))
        guard nameOffset == names.position else {
            throw .wrongValue(
                field: "tensor name offset", expected: UInt64(names.position),
                found: UInt64(nameOffset))
        }
        name = try names.text(nameLength, "tensor name")
        let typeCode = try reader.u8("element type")
        guard let type = StoredType(rawValue: typeCode) else {
            throw .unknownCode(field: "element type", code: UInt64(typeCode))
        }
        self.type = type
        let rank = Int(try reader.u8("tensor rank"))
        guard rank <= ContainerLimits.rank else {
            throw .overLimit(
                field: "tensor rank", limit: UInt64(ContainerLimits.rank), found: UInt64(rank))
        }
        shape = []
        var elements = 1
        for axis in 0..<ContainerLimits.rank {
            let size = try reader.number("tensor dimension")
            if axis >= rank {
                guard size == 0 else {
                    throw .tensor(
                        name: name, field: "unused dimension", expected: 0, found: UInt64(size))
                }
                continue
            }
            shape.append(size)
            let (product, overflow) = elements.multipliedReportingOverflow(by: size)
            guard !overflow, product <= ContainerLimits.tensorElements else {
                throw .overLimit(
                    field: "tensor elements", limit: UInt64(ContainerLimits.tensorElements),
                    found: UInt64.max)
            }
            elements = product
        }
        firstChunk = try reader.number("first chunk")
        chunkCount = try reader.number("chunk count")
        chunkRawBytes = try reader.number("chunk raw bytes")
        let schemeCode = try reader.u8("quantization scheme")
        guard let scheme = QuantizationScheme(rawValue: schemeCode) else {
            throw .unknownCode(field: "quantization scheme", code: UInt64(schemeCode))
        }
        self.scheme = scheme
        try reader.zeros(3, "tensor padding")
        let scalesIndex = try reader.u32("scales tensor")
        // Narrow integers cannot hold every index; none that large is in range.
        scales = scalesIndex == Self.none ? nil : Int(clamping: scalesIndex)
        if scheme == .int4Groups {
            multipliers = Int(clamping: try reader.u32("multipliers tensor"))
        } else {
            try reader.zeros(4, "tensor padding")
        }
    }

    /// An error of this tensor; a function, as many rules can be broken.
    @inline(never)
    func error(_ field: StaticText, expected: UInt64, found: UInt64) -> FormatError {
        .tensor(name: name, field: field, expected: expected, found: found)
    }

    func encode(into writer: inout ByteWriter, nameOffset: Int) {
        writer.u32(UInt32(nameOffset))
        writer.u16(UInt16(name.count))
        writer.u8(type.rawValue)
        writer.u8(UInt8(shape.count))
        for axis in 0..<ContainerLimits.rank {
            writer.u32(axis < shape.count ? UInt32(shape[axis]) : 0)
        }
        writer.u32(UInt32(firstChunk))
        writer.u32(UInt32(chunkCount))
        writer.u32(UInt32(chunkRawBytes))
        writer.u8(scheme.rawValue)
        writer.zeros(3)
        writer.u32(scales.map { UInt32($0) } ?? Self.none)
        writer.u32(multipliers.map { UInt32($0) } ?? 0)
    }
}
