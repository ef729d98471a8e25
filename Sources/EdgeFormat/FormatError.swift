/// A rule of the container format that a file breaks (formats/container.md).
package enum FormatError: Error, Equatable {
    /// The file ends before the field does.
    case truncated(field: StaticText, offset: Int, needed: Int, available: Int)
    case notAContainer
    /// The line ends of the file were translated: it was copied in text mode.
    case damagedByTextMode
    case tooNew(readVersion: Int, supported: Int)
    case wrongChecksum(field: StaticText, expected: UInt32, found: UInt32)
    case wrongValue(field: StaticText, expected: UInt64, found: UInt64)
    case overLimit(field: StaticText, limit: UInt64, found: UInt64)
    /// Bytes that must be zero are not.
    case nonZeroPadding(offset: Int)
    case sectionMissing(tag: UInt32)
    case sectionOrder(tag: UInt32)
    /// A required section or feature that this reader does not know; it needs a newer version.
    case unknownSection(tag: UInt32)
    case unknownFeature(name: [UInt8])
    /// A feature that the file uses and does not list.
    case missingFeature(name: StaticText)
    case unknownCode(field: StaticText, code: UInt64)
    /// An entry that must be greater than the one before it is not.
    case notAscending(field: StaticText, index: Int)
    /// An index that points past the end of its table.
    case indexOutOfRange(field: StaticText, index: UInt64, count: Int)
    case invalidText(field: StaticText)
    case trailingBytes(field: StaticText, count: Int)
    /// A tensor whose shape, element type and chunks do not agree.
    case tensor(name: [UInt8], field: StaticText, expected: UInt64, found: UInt64)
    /// An instruction whose operands do not fit its operation.
    case instruction(index: Int, field: StaticText, expected: UInt64, found: UInt64)
    /// An instruction whose input no earlier one writes.
    case readBeforeWritten(instruction: Int, value: Int)
    case missingMetadata(key: StaticText)
    /// A weight code of −128, which products cannot hold exactly.
    case forbiddenCode(tensor: [UInt8], row: Int)
    /// A scale that is negative, NaN or infinite.
    case forbiddenScale(tensor: [UInt8], row: Int)
    case chunkDamaged(index: Int, expected: UInt32, found: UInt32)
    /// The file ends or fails inside a chunk (`errno` is 0 where it ends).
    case chunkNotReadable(index: Int, errno: Int, expected: Int, found: Int)
    case chunkNotDecodable(index: Int)
    /// A sparse chunk whose parts do not fit each other.
    case sparseChunk(index: Int, field: StaticText, expected: UInt64, found: UInt64)
    /// A sparse chunk that lists a zero among the codes that are not zero.
    case zeroInSparseChunk(index: Int)
    case outOfMemory(byteCount: UInt64)
}

/// A string constant that can be compared without Unicode tables.
///
/// It is no more than an address, as so many of them are given to functions and kept in errors.
package struct StaticText: Equatable, @unchecked Sendable, ExpressibleByStringLiteral {
    /// UTF-8, with a zero behind it; never changed nor freed.
    private let start: UnsafePointer<UInt8>

    package init(stringLiteral text: StaticString) {
        start = text.utf8Start
    }

    package static func == (a: StaticText, b: StaticText) -> Bool {
        a.code.elementsEqual(b.code)
    }

    @inline(never)
    private var code: UnsafeBufferPointer<UInt8> {
        var count = 0
        while start[count] != 0 { count += 1 }
        return UnsafeBufferPointer(start: start, count: count)
    }

    /// The constant as an ordinary string.
    package var string: String { String(decoding: code, as: UTF8.self) }

    package var bytes: [UInt8] { Array(code) }
}

extension FormatError {
    /// One English sentence without the file name.
    package var message: String {
        switch self {
        case .truncated(let field, let offset, let needed, let available):
            return
                "\(field.string) at offset \(offset) needs \(needed) bytes, \(available) are left"
        case .notAContainer:
            return "not an .atn container (wrong magic number)"
        case .damagedByTextMode:
            return "the file was damaged by a transfer in text mode (line ends were translated)"
        case .tooNew(let readVersion, let supported):
            return "needs a reader of version \(readVersion), this one has version \(supported)"
        case .wrongChecksum(let field, let expected, let found):
            return "checksum of \(field.string) is \(found), \(expected) was recorded"
        case .wrongValue(let field, let expected, let found):
            return "\(field.string) is \(found), expected \(expected)"
        case .overLimit(let field, let limit, let found):
            return "\(field.string) is \(found), the limit is \(limit)"
        case .nonZeroPadding(let offset):
            return "padding at offset \(offset) is not zero"
        case .sectionMissing(let tag):
            return "section '\(Self.text(ofTag: tag))' is missing"
        case .sectionOrder(let tag):
            return "section '\(Self.text(ofTag: tag))' is repeated or out of order"
        case .unknownSection(let tag):
            return "needs section '\(Self.text(ofTag: tag))', which this version does not know"
        case .unknownFeature(let name):
            return "needs feature '\(String(decoding: name, as: UTF8.self))', "
                + "which this version does not know"
        case .missingFeature(let name):
            return "feature '\(name.string)' is used and not listed"
        case .unknownCode(let field, let code):
            return "unknown \(field.string) \(code)"
        case .notAscending(let field, let index):
            return "\(field.string) \(index) is not in ascending order"
        case .indexOutOfRange(let field, let index, let count):
            return "\(field.string) \(index) is out of range, there are \(count)"
        case .invalidText(let field):
            return "\(field.string) is not valid UTF-8"
        case .trailingBytes(let field, let count):
            return "\(count) bytes follow the end of \(field.string)"
        case .tensor(let name, let field, let expected, let found):
            return "tensor '\(String(decoding: name, as: UTF8.self))': "
                + "\(field.string) is \(found), expected \(expected)"
        case .instruction(let index, let field, let expected, let found):
            return "instruction \(index): \(field.string) is \(found), expected \(expected)"
        case .readBeforeWritten(let instruction, let value):
            return "instruction \(instruction) reads value \(value), "
                + "which no earlier instruction writes"
        case .missingMetadata(let key):
            return "metadata '\(key.string)' is missing"
        case .forbiddenCode(let tensor, let row):
            return "tensor '\(String(decoding: tensor, as: UTF8.self))': row \(row) has a code of "
                + "-128, the least is -127"
        case .forbiddenScale(let tensor, let row):
            return "tensor '\(String(decoding: tensor, as: UTF8.self))': the scale of row \(row) "
                + "is not a finite number of 0 or more"
        case .chunkDamaged(let index, let expected, let found):
            return "chunk \(index) is damaged: its checksum is \(found), \(expected) was recorded"
        case .chunkNotReadable(let index, let errno, let expected, let found):
            return "chunk \(index) cannot be read: "
                + (errno == 0
                    ? "the file has \(found) of its \(expected) bytes" : "error \(errno)")
        case .chunkNotDecodable(let index):
            return "chunk \(index) is not a valid zstd frame of the recorded size"
        case .sparseChunk(let index, let field, let expected, let found):
            return "sparse chunk \(index): \(field.string) is \(found), expected \(expected)"
        case .zeroInSparseChunk(let index):
            return "sparse chunk \(index) has a zero among the codes that are not zero"
        case .outOfMemory(let byteCount):
            return "\(byteCount) bytes of memory are not available"
        }
    }

    private static func text(ofTag tag: UInt32) -> String {
        var bytes: [UInt8] = []
        for shift in [0, 8, 16, 24] as [UInt32] {
            let byte = UInt8(truncatingIfNeeded: tag >> shift)
            bytes.append(byte >= 0x20 && byte < 0x7f ? byte : 0x3f)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
